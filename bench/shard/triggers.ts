/** What the triggers cost a row whose bucket is at rest: the same statements on the same table, with them and without. */
import { MysqlPool } from "../../src/core/mysql/mysql-pool.ts";
import { parseMysqlUrl } from "../../src/core/mysql/mysql-url.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import type { ShardLab } from "./lab.ts";

const ROWS = 50_000;
const VALUES = `seq % 1000, 1, 1, 'somebody', '2024-01-01' + INTERVAL seq SECOND FROM seq_1_to_${ROWS}`;
const INSERT = `INSERT INTO NAME (id, tenant, status, amount, customer, created) SELECT seq, ${VALUES}`;
/** In this order: each finds what the one before left. */
const STATEMENTS = [
  { what: "insert", table: "orders", sql: INSERT },
  { what: "update", table: "orders", sql: "UPDATE NAME SET status = status + 1" },
  { what: "update of the key, two buckets", table: "orders", sql: "UPDATE NAME SET tenant = tenant + 1000" },
  { what: "delete", table: "orders", sql: "DELETE FROM NAME" },
  {
    what: "insert, AUTO_INCREMENT",
    table: "numbered",
    sql: `INSERT INTO NAME (tenant, status, amount, customer, created) SELECT ${VALUES}`,
  },
] as const;

/** µs a row, by what is done: the shortest of all rounds with triggers, less the shortest without. */
export async function triggerCost(lab: ShardLab, rounds: number): Promise<Readonly<Record<string, number>>> {
  await using pool = await MysqlPool.open(parseMysqlUrl(lab.urls.dst), {
    clock: systemClock,
    timeoutMs: 120_000,
  });
  const bareOf = (table: string) => `bare_${table}`;
  await pool.send(["UPDATE dcs_bucket SET state = 'owned'"]);
  const tables = ["orders", "numbered"].flatMap((table) => [table, bareOf(table)]);
  for (const table of ["orders", "numbered"])
    await pool.send([`CREATE TABLE ${bareOf(table)} LIKE ${table}`]);
  const least = new Map<string, number>();
  const time = async (key: string, sql: string) => {
    const from = performance.now();
    await pool.send([sql]);
    least.set(key, Math.min(least.get(key) ?? Number.POSITIVE_INFINITY, performance.now() - from));
  };
  for (let round = 0; round < rounds; round++) {
    for (const table of tables) await pool.send([`TRUNCATE ${table}`]);
    for (const { what, table, sql } of STATEMENTS) {
      await time(`${what} bare`, sql.replace("NAME", bareOf(table)));
      await time(what, sql.replace("NAME", table));
    }
  }
  const cost = (what: string) =>
    (((least.get(what) ?? Number.NaN) - (least.get(`${what} bare`) ?? Number.NaN)) * 1000) / ROWS;
  return Object.fromEntries(STATEMENTS.map(({ what }) => [what, cost(what)]));
}
