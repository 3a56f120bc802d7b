import { runDcs } from "./cli.ts";
import type { MariaDb } from "./mariadb.ts";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "./start-dcs.ts";

/** A keyspace `lab` of 16 buckets over three databases of one server, made by `dcs shard init`, all rows on the first shard. */
export interface ShardBox extends AsyncDisposable, Sandbox {
  /** Runs `dcs shard …` to its end. */
  shard(...args: readonly string[]): ReturnType<typeof runDcs>;
  /** The lines of `dcs shard … --json` of a command that stays. */
  events(...args: readonly string[]): Promise<readonly Record<string, unknown>[]>;
  /** The data of a document. */
  data(...args: readonly string[]): Promise<Record<string, unknown>>;
  start(...args: readonly string[]): RunningDcs;
  /** What statements print at shard `a`, `b` or `c`. */
  at(shard: string, sql: string): Promise<string>;
}

const NOTES =
  "CREATE TABLE notes (tenant INT NOT NULL, id INT NOT NULL, note VARCHAR(100), PRIMARY KEY (tenant, id))";
const NAMES = ["a", "b", "c"] as const;

let boxes = 0;

/** `rows` of them, each of another tenant, so that every bucket has some. */
export async function shardBox(server: MariaDb, rows = 200): Promise<ShardBox> {
  const box = sandbox();
  const prefix = `box${++boxes}_`;
  const env = { ...box.env, LAB_PORT: String(server.port) };
  const url = (shard: string) => `mysql://dcs@127.0.0.1:\${LAB_PORT}/${prefix}${shard}`;
  const at = (shard: string, sql: string) => server.run(`SET NAMES utf8mb4; USE ${prefix}${shard};\n${sql}`);
  for (const name of NAMES) {
    await server.run(
      `CREATE DATABASE ${prefix}${name} CHARACTER SET utf8mb4; USE ${prefix}${name}; ${NOTES}`,
    );
  }
  await at("a", `INSERT INTO notes SELECT seq, seq, CONCAT('note ', seq) FROM seq_1_to_${rows};`);
  const running: RunningDcs[] = [];
  const shard = (...args: readonly string[]) =>
    runDcs(["shard", ...args], { env, cwd: box.dir, timeout: 60_000 });
  const shards = NAMES.map((name) => `--shard=${name}=${url(name)}`);
  const made = await shard("init", "lab", "--buckets", "16", "--table", "notes:tenant", ...shards);
  if (made.code !== 0) throw new Error(made.stderr);
  return {
    ...{ dir: box.dir, env, shard, at },
    async events(...args) {
      const { stdout } = await shard(...args, "--json");
      return stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    },
    async data(...args) {
      const { stdout, stderr } = await shard(...args, "--json");
      const { data } = JSON.parse(stdout) as { data?: Record<string, unknown> };
      if (data === undefined) throw new Error(stdout + stderr);
      return data;
    },
    start(...args) {
      const dcs = startDcs({ ...box, env }, ["shard", ...args]);
      running.push(dcs);
      return dcs;
    },
    [Symbol.dispose]: () => box[Symbol.dispose](),
    async [Symbol.asyncDispose]() {
      for (const dcs of running) {
        dcs.process.kill("SIGKILL");
        await dcs.done;
      }
      for (const name of NAMES) await server.run(`DROP DATABASE IF EXISTS ${prefix}${name};`);
      box[Symbol.dispose]();
    },
  };
}
