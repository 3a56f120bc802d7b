/** Two shards on one server of the benchmark's own, and a table of which the first has all rows. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { MysqlPool } from "../../src/core/mysql/mysql-pool.ts";
import { parseMysqlUrl } from "../../src/core/mysql/mysql-url.ts";
import { progressHeaderSql } from "../../src/core/shard/data/progress.ts";
import type { Keyspace } from "../../src/core/shard/keyspace.ts";
import { installSchema } from "../../src/core/shard/schema/install-schema.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { type MariaDb, startMariaDb } from "../../test/support/mariadb.ts";
import { BUCKETS, NUMBERED, TABLE, TOKEN } from "./table.ts";

export interface ShardLab extends AsyncDisposable {
  readonly server: MariaDb;
  readonly keyspace: Keyspace;
  readonly rows: number;
  readonly urls: { readonly src: string; readonly dst: string };
  /** At one of the two. */
  at(database: "src" | "dst", sql: string): Promise<string>;
  /** Without its rows, its buckets in this state. */
  emptyTarget(state: "owned" | "incoming"): Promise<void>;
}

export async function openLab(rows: number, buckets = BUCKETS): Promise<ShardLab> {
  const server = await startMariaDb();
  // What `dcs up` gives it is for a laptop; every peer gets the same.
  await server.asRoot("SET GLOBAL innodb_buffer_pool_size = 1073741824, GLOBAL local_infile = 1");
  const tables = ["orders", "numbered"].map((name) => ({
    name,
    key: "tenant",
    primaryKey: ["tenant", "id"],
  }));
  const keyspace: Keyspace = { name: "bench", buckets, hash: "crc32", tables };
  const urlOf = (database: string) => `mysql://dcs@127.0.0.1:${server.port}/${database}`;
  for (const shard of ["src", "dst"]) {
    await server.run(`CREATE DATABASE ${shard} CHARACTER SET utf8mb4; USE ${shard}; ${TABLE}; ${NUMBERED}`);
    await using pool = await MysqlPool.open(parseMysqlUrl(urlOf(shard)), {
      clock: systemClock,
      timeoutMs: 60_000,
    });
    const owners = Array.from({ length: buckets }, () => ({ shard: "src", epoch: 1 }));
    await installSchema(pool, { keyspace, shard, owners, dialect: "mariadb" });
  }
  const at = (database: string, sql: string) => server.run(`USE ${database}; ${sql}`);
  const step = 100_000;
  for (let from = 1; from <= rows; from += step) {
    const to = Math.min(rows, from + step - 1);
    await at(
      "src",
      `INSERT INTO orders SELECT seq % 1000, seq, seq % 7, seq % 100000 / 100, CONCAT('customer-', MD5(seq)), IF(seq % 3, CONCAT('it''s note number ', seq), NULL),
         '2024-01-01' + INTERVAL seq SECOND, MD5(seq + 1) FROM seq_${from}_to_${to}`,
    );
  }
  await at("src", "ANALYZE TABLE orders");
  return {
    server,
    keyspace,
    rows,
    urls: { src: urlOf("src"), dst: urlOf("dst") },
    at,
    async emptyTarget(state) {
      const header = { epoch: 1, source: "src", target: "dst", isComplete: false };
      const headers = Array.from({ length: buckets }, (_, bucket) =>
        progressHeaderSql(bucket, header),
      ).flat();
      await at(
        "dst",
        ["TRUNCATE orders", ...headers, `UPDATE dcs_bucket SET state = '${state}', token = ${TOKEN}`].join(
          ";",
        ),
      );
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Runs a shell command to its end; its output, and how long it took, ms. Throws with what it said when it failed. */
export async function timed(command: string): Promise<{ ms: number; stdout: string }> {
  const begin = performance.now();
  const child = spawn("sh", ["-c", `set -e; ${command}`], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command}\nended with ${code}: ${stderr.slice(-2000)}`);
  return { ms: performance.now() - begin, stdout };
}
