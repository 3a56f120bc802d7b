import { MysqlPool } from "../../src/core/mysql/mysql-pool.ts";
import { parseMysqlUrl } from "../../src/core/mysql/mysql-url.ts";
import { applyLog } from "../../src/core/shard/data/apply-log.ts";
import { type CopyArgs, copyBucket } from "../../src/core/shard/data/copy-bucket.ts";
import { Lane } from "../../src/core/shard/data/lane.ts";
import { MoverSession, type OpenSession } from "../../src/core/shard/data/mover-session.ts";
import { progressHeaderSql } from "../../src/core/shard/data/progress.ts";
import { type VerifyResult, verifyBucket } from "../../src/core/shard/data/verify-bucket.ts";
import type { Keyspace, ShardTable } from "../../src/core/shard/keyspace.ts";
import { installSchema } from "../../src/core/shard/schema/install-schema.ts";
import { readTables, type TableInfo } from "../../src/core/shard/schema/table-info.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import type { MariaDb, MariaDbSession } from "./mariadb.ts";

const TIMEOUT_MS = 60_000;
/** Of the mover that the pair is armed for. */
export const TOKEN = 7;
const NEVER = new AbortController().signal;

/** Two databases of one server as two shards, the first of which has every bucket. */
export interface ShardPair {
  readonly tables: { readonly tables: readonly TableInfo[] };
  readonly src: string;
  readonly dst: string;
  readonly openSrc: OpenSession;
  readonly openDst: OpenSession;
  /** What the statements print at one of the two. */
  at(database: string, sql: string): Promise<string>;
  /** A connection that stays, at the source. */
  writer(): Promise<MariaDbSession>;
  /** Source `moving`, target `incoming`, an empty copy begun. */
  arm(bucket: number): Promise<void>;
  copy(bucket: number, more?: Partial<CopyArgs>): Promise<{ rows: number; bytes: number }>;
  /** Applies the log until it is empty. */
  drain(bucket: number): Promise<number>;
  verify(bucket: number): Promise<VerifyResult>;
}

let pairs = 0;

export async function shardPair(
  server: MariaDb,
  { buckets, tables, ddl }: { buckets: number; tables: readonly ShardTable[]; ddl: string },
): Promise<ShardPair> {
  const name = `pair${++pairs}`;
  const [src, dst] = [`${name}_src`, `${name}_dst`];
  const open = (database: string) => () =>
    MoverSession.open(`mysql://dcs@127.0.0.1:${server.port}/${database}`, systemClock, TIMEOUT_MS);
  const at = (database: string, sql: string) => server.run(`SET NAMES utf8mb4; USE ${database};\n${sql}`);
  const keyspace: Keyspace = { name, buckets, hash: "crc32", tables };
  for (const database of [src, dst]) {
    await server.run(
      `SET NAMES utf8mb4; CREATE DATABASE ${database} CHARACTER SET utf8mb4; USE ${database}; ${ddl}`,
    );
    const target = parseMysqlUrl(`mysql://dcs@127.0.0.1:${server.port}/${database}`);
    await using pool = await MysqlPool.open(target, { clock: systemClock, timeoutMs: TIMEOUT_MS, size: 1 });
    const owners = Array.from({ length: buckets }, () => ({ shard: src, epoch: 1 }));
    await installSchema(pool, { keyspace, shard: database, owners, dialect: "mariadb" });
  }
  using session = await open(src)();
  const found = await readTables(
    session,
    tables.map((each) => each.name),
  );
  const infos = tables.flatMap((each) => found.get(each.name) ?? []);
  const sides = (bucket: number) => ({
    src: new Lane(open(src), systemClock),
    dst: new Lane(open(dst), systemClock),
    at: { bucket, token: TOKEN, states: ["incoming"] as const },
    tables: { tables: infos },
    signal: NEVER,
  });
  const drain = async (bucket: number) => {
    const both = sides(bucket);
    using _src = both.src;
    using _dst = both.dst;
    let ids = 0;
    for (let more = true; more; ) {
      const done = await applyLog(both);
      ids += done.ids;
      more = done.ids > 0;
    }
    return ids;
  };
  return {
    tables: { tables: infos },
    src,
    dst,
    openSrc: open(src),
    openDst: open(dst),
    at,
    async writer() {
      const writer = server.session();
      await writer.run(`SET NAMES utf8mb4; USE ${src};`);
      return writer;
    },
    async arm(bucket) {
      await at(src, `UPDATE dcs_bucket SET state = 'moving', token = ${TOKEN} WHERE bucket = ${bucket}`);
      const header = { epoch: 1, source: src, target: dst, isComplete: false };
      await at(
        dst,
        [
          `UPDATE dcs_bucket SET state = 'incoming', token = ${TOKEN} WHERE bucket = ${bucket}`,
          ...progressHeaderSql(bucket, header),
        ].join(";"),
      );
    },
    copy: (bucket, more) =>
      copyBucket({
        clock: systemClock,
        src: open(src),
        dst: open(dst),
        bucket,
        token: TOKEN,
        tables: { tables: infos },
        signal: NEVER,
        ...more,
      }),
    drain,
    async verify(bucket) {
      const both = sides(bucket);
      using _src = both.src;
      using _dst = both.dst;
      return await verifyBucket({ ...both, drain: async () => void (await drain(bucket)) });
    },
  };
}
