import { MysqlPool } from "../../src/core/mysql/mysql-pool.ts";
import { parseMysqlUrl } from "../../src/core/mysql/mysql-url.ts";
import { bucketOf, type Keyspace, type Shard } from "../../src/core/shard/keyspace.ts";
import { ShardStore } from "../../src/core/shard/map/shard-store.ts";
import type { HeldMove } from "../../src/core/shard/move/move-record.ts";
import { installSchema } from "../../src/core/shard/schema/install-schema.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import type { Store } from "../../src/core/store/store.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { newLeaseId } from "../../src/core/util/ids.ts";
import type { MariaDb, MariaDbSession } from "./mariadb.ts";
import { sandbox } from "./start-dcs.ts";

const TIMEOUT_MS = 30_000;
const BUCKETS = 8;
/** The table of a lab: `tenant` is the shard key. */
const NOTES =
  "CREATE TABLE notes (tenant BIGINT NOT NULL, id BIGINT NOT NULL, note VARCHAR(100), PRIMARY KEY (tenant, id))";

/** A keyspace of 8 buckets over databases of one server, all of them on the first shard; and moves made by hand, step by step. */
export interface ShardLab extends AsyncDisposable {
  readonly keyspace: Keyspace;
  readonly store: Store;
  readonly shards: ShardStore;
  readonly stateDir: string;
  /** Names of the shards, which are those of their databases. */
  readonly names: readonly [string, string];
  /** A tenant whose bucket is this one; the `nth` of them. */
  tenant(bucket: number, nth?: number): number;
  /** What the statements print at a shard. */
  at(shard: string, sql: string): Promise<string>;
  /** A connection to a shard that stays. */
  session(shard: string): Promise<MariaDbSession>;
  /** A move of a bucket, of which nothing is done yet. */
  move(bucket: number, src: string, dst: string): Promise<HandMove>;
}

/** The steps of a move that routers see, as docs/shards-protocol.md numbers them. */
export interface HandMove {
  /** P7, the rows being complete at the target. */
  seal(): Promise<void>;
  /** P8. */
  flip(): Promise<number>;
  /** P9. */
  open(): Promise<void>;
  /** P10, P12 and P13, without waiting for anybody. */
  clean(): Promise<void>;
  /** All of it. */
  all(): Promise<void>;
}

let labs = 0;

export async function shardLab(
  server: MariaDb,
  options: { port?: number; store?: Store } = {},
): Promise<ShardLab> {
  const name = `lab${++labs}`;
  const names = [`${name}_a`, `${name}_b`] as const;
  const box = sandbox();
  const stateDir = `${box.dir}/state`;
  const store = options.store ?? (await openStore("embedded:", { timeoutMs: 5000, stateDir }));
  const tables = [{ name: "notes", key: "tenant", primaryKey: ["tenant", "id"] }];
  const keyspace: Keyspace = { name, buckets: BUCKETS, hash: "crc32", tables };
  const owners = Array.from({ length: BUCKETS }, () => ({ shard: names[0], epoch: 1 }));
  const url = (database: string, port: number) => `mysql://dcs@127.0.0.1:${port}/${database}`;
  for (const shard of names) {
    await server.run(`CREATE DATABASE ${shard} CHARACTER SET utf8mb4; USE ${shard}; ${NOTES}`);
    const target = parseMysqlUrl(url(shard, server.port));
    await using pool = await MysqlPool.open(target, { clock: systemClock, timeoutMs: TIMEOUT_MS, size: 1 });
    await installSchema(pool, { keyspace, shard, owners, dialect: "mariadb" });
  }
  const shards = new ShardStore(store, name);
  const all = names.map(
    (shard): Shard => ({
      name: shard,
      url: url(shard, options.port ?? server.port),
      weight: 1,
      zone: null,
      state: "active",
    }),
  );
  await shards.create(keyspace, all, owners);
  const at = (shard: string, sql: string) => server.run(`SET NAMES utf8mb4; USE ${shard};\n${sql}`);
  return {
    keyspace,
    store,
    shards,
    stateDir,
    names,
    tenant(bucket, nth = 0) {
      for (let tenant = 1, seen = 0; ; tenant++) {
        if (bucketOf(tenant, BUCKETS) === bucket && seen++ === nth) return tenant;
      }
    },
    at,
    async session(shard) {
      const session = server.session();
      await session.run(
        `SET NAMES utf8mb4; USE ${shard}; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;`,
      );
      return session;
    },
    async move(bucket, src, dst) {
      const lease = await store.grant({
        id: newLeaseId(),
        ttlMs: 60_000,
        holder: { host: "lab", pid: 1, command: "lab" },
      });
      const runner = { id: lease.id, lease: lease.id, host: "lab", pid: 1 };
      let held: HeldMove = await shards.claim({ bucket, src, dst, plan: "lab" }, runner);
      const { epoch } = held.record;
      const become = (shard: string, state: string, at_: number, owner: string) =>
        at(
          shard,
          `UPDATE dcs_bucket SET state = '${state}', epoch = ${at_}, owner = '${owner}' WHERE bucket = ${bucket};`,
        );
      const step: HandMove = {
        async seal() {
          await become(dst, "incoming", epoch, src);
          await become(src, "sealed", epoch + 1, dst);
          const ours = `WHERE CRC32(tenant) % ${BUCKETS} = ${bucket}`;
          await at(
            dst,
            `SET @dcs_bucket = ${bucket}; DELETE FROM notes ${ours}; INSERT INTO notes (tenant, id, note) SELECT tenant, id, note FROM ${src}.notes ${ours};`,
          );
        },
        async flip() {
          const flipped = await shards.flip(held, { turnRound: false });
          held = flipped.held;
          return flipped.mapRevision;
        },
        async open() {
          await become(dst, "owned", epoch + 1, dst);
        },
        async clean() {
          await become(src, "gone", epoch + 1, dst);
          await at(
            src,
            `SET @dcs_bucket = ${bucket}; DELETE FROM notes WHERE CRC32(tenant) % ${BUCKETS} = ${bucket};`,
          );
          await shards.end(held);
          await store.revoke(lease.id);
        },
        async all() {
          await step.seal();
          await step.flip();
          await step.open();
          await step.clean();
        },
      };
      return step;
    },
    async [Symbol.asyncDispose]() {
      if (options.store === undefined) await store.close();
      box[Symbol.dispose]();
    },
  };
}

/** A watch that tells nothing until it is ended. */
export function nothingUntil<T>(signal: AbortSignal): AsyncIterable<T> {
  const ended = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const next = async () => {
    await ended;
    return { done: true, value: undefined } as const;
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}
