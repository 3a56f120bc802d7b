/** What the triggers cost a row whose bucket is at rest: the same statements on the same table, with them and without. */
import { interleaved } from "../support.ts";
import type { ShardLab } from "./lab.ts";

const ROWS = 50_000;
const STATEMENTS = {
  insert: `INSERT INTO NAME (tenant, id, status, amount, customer, created) SELECT seq % 1000, seq, 1, 1, 'somebody', NOW() FROM seq_1_to_${ROWS}`,
  update: "UPDATE NAME SET status = status + 1",
  delete: "DELETE FROM NAME",
} as const;

export type TriggerCost = Readonly<Record<keyof typeof STATEMENTS, number>>;

/** µs a row. */
export async function triggerCost(lab: ShardLab, rounds: number): Promise<TriggerCost> {
  await lab.at(
    "dst",
    "UPDATE dcs_bucket SET state = 'owned'; TRUNCATE orders; CREATE OR REPLACE TABLE bare LIKE orders",
  );
  const names = Object.keys(STATEMENTS) as (keyof typeof STATEMENTS)[];
  await using session = lab.server.session();
  await session.run("USE dst;");
  const took: Record<string, number[]> = {};
  const run = async (table: string) => {
    for (const name of names) {
      const begin = performance.now();
      await session.run(`${STATEMENTS[name].replace("NAME", table)};`);
      const all = took[`${table} ${name}`] ?? [];
      all.push(performance.now() - begin);
      took[`${table} ${name}`] = all;
    }
    return 0;
  };
  await interleaved(
    rounds,
    ["orders", "bare"].map((name) => ({ name, run: () => run(name) })),
  );
  const least = (key: string) => Math.min(...(took[key] ?? [Number.NaN]));
  const cost = (name: string) => ((least(`orders ${name}`) - least(`bare ${name}`)) * 1000) / ROWS;
  return { insert: cost("insert"), update: cost("update"), delete: cost("delete") };
}
