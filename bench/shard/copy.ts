/** Copies of the same rows into the same table, with its triggers and its bucket column, by us and by others. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { interleaved } from "../support.ts";
import { type ShardLab, timed } from "./lab.ts";
import { COLUMNS } from "./table.ts";

const COPY_ONCE = fileURLToPath(new URL("copy-once.ts", import.meta.url));

export interface CopyFigures {
  readonly rows: number;
  readonly rowsPerSecond: Readonly<Record<string, number>>;
  /** Null where the peer is not installed. */
  readonly toArchiver: number | null;
  readonly toDump: number | null;
}

/** One copy by dcs, from the start of its process to its end. */
export async function copyOnce(lab: ShardLab, atOnce = 2): Promise<{ ms: number; rssMb: number }> {
  await lab.emptyTarget("incoming");
  const { ms, stdout } = await timed(
    `"${process.execPath}" "${COPY_ONCE}" ${lab.urls.src} ${lab.urls.dst} ${atOnce}`,
  );
  const { rssMb } = JSON.parse(stdout) as { rssMb: number };
  return { ms, rssMb };
}

export async function compareCopies(lab: ShardLab, rounds: number): Promise<CopyFigures> {
  const where = `-h127.0.0.1 -P${lab.server.port} -udcs`;
  const dump = `mariadb-dump --no-defaults ${where} --single-transaction --no-create-info --skip-triggers src orders | mariadb --no-defaults ${where} dst`;
  const dsn = `h=127.0.0.1,P=${lab.server.port},u=dcs,L=1`;
  const archiver = `pt-archiver --source ${dsn},D=src,t=orders --dest ${dsn},D=dst,t=orders --where 1=1 --columns ${COLUMNS.join(",")} --no-check-columns --no-delete --bulk-insert --limit 5000 --commit-each --no-check-charset --no-version-check`;
  const peer = (name: string, command: string) => ({
    name,
    run: async () => {
      await lab.emptyTarget("owned");
      const { ms } = await timed(command);
      return speed(name, ms);
    },
  });
  const speed = async (name: string, ms: number) => {
    const arrived = Number(await lab.at("dst", "SELECT COUNT(*) FROM orders"));
    if (arrived !== lab.rows) throw new Error(`${name} copied ${arrived} rows of ${lab.rows}`);
    return (lab.rows / ms) * 1000;
  };
  const has = (program: string) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
  const peers = [
    { name: "dcs", run: async () => speed("dcs", (await copyOnce(lab)).ms) },
    ...(has("mariadb-dump") ? [peer("mariadb-dump | mariadb", dump)] : []),
    ...(has("pt-archiver") ? [peer("pt-archiver --bulk-insert", archiver)] : []),
  ];
  const figures = await interleaved(rounds, peers);
  const ours = figures.get("dcs") ?? Number.NaN;
  const ratio = (name: string) => {
    const theirs = figures.get(name);
    return theirs === undefined ? null : ours / theirs;
  };
  return {
    rows: lab.rows,
    rowsPerSecond: Object.fromEntries(figures),
    toArchiver: ratio("pt-archiver --bulk-insert"),
    toDump: ratio("mariadb-dump | mariadb"),
  };
}
