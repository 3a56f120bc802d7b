import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { isMysqlError } from "../../src/core/mysql/mysql-error.ts";
import { MysqlPool } from "../../src/core/mysql/mysql-pool.ts";
import { parseMysqlUrl } from "../../src/core/mysql/mysql-url.ts";
import { bucketOf, type Keyspace, type Shard } from "../../src/core/shard/keyspace.ts";
import { type KeyspaceState, type RunnerRef, ShardStore } from "../../src/core/shard/map/shard-store.ts";
import { MOVE_OPTIONS, type MoveDeps, type MoveOptions } from "../../src/core/shard/move/move-deps.ts";
import type { MoveEvent } from "../../src/core/shard/move/move-event.ts";
import type { HeldMove } from "../../src/core/shard/move/move-record.ts";
import { Rebalancer, type RebalancerDeps } from "../../src/core/shard/move/rebalancer.ts";
import { installSchema } from "../../src/core/shard/schema/install-schema.ts";
import { shardTarget } from "../../src/core/shard/shard-url.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import type { Store } from "../../src/core/store/store.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { newLeaseId, randomHex } from "../../src/core/util/ids.ts";
import type { MariaDb } from "./mariadb.ts";

const TIMEOUT_MS = 20_000;
const MOVED = 31001;
const NEVER = new AbortController().signal;
const DDL = `
  CREATE TABLE items (tenant INT NOT NULL, id INT NOT NULL, v VARCHAR(60) NOT NULL, PRIMARY KEY (tenant, id)) ENGINE = InnoDB;
  CREATE TABLE notes (id VARCHAR(40) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY, tenant INT NOT NULL, body TEXT) ENGINE = InnoDB;`;

/** A keyspace over databases of one server, each a shard; the first has every bucket. */
export interface MoveWorld extends AsyncDisposable {
  readonly store: Store;
  readonly storeUrl: string;
  readonly shards: ShardStore;
  readonly names: readonly [string, string, string];
  readonly server: MariaDb;
  state(): Promise<KeyspaceState>;
  /** Another connection to the same store. */
  another(): Promise<{ store: Store; shards: ShardStore }>;
  at(shard: string, sql: string): Promise<string>;
  pool(shard: string): MysqlPool;
  /** What a move is made with, and all that it said. */
  deps(over?: Partial<MoveDeps> & { readonly more?: Partial<MoveOptions> }): Promise<MoveDeps>;
  /** One that runs several. */
  rebalancer(over?: Partial<RebalancerDeps> & { readonly more?: Partial<MoveOptions> }): Promise<Rebalancer>;
  /** A new runner on the lease of all moves of this test. */
  runner(): Promise<RunnerRef>;
  bucket(n: number): Bucket;
}

/** One bucket with an application that knows what it wrote. */
export interface Bucket {
  readonly number: number;
  /** Keys of the bucket. */
  readonly tenant: number;
  readonly truth: Map<number, string>;
  claim(options?: { readonly windowMs?: number; readonly runner?: RunnerRef }): Promise<HeldMove>;
  seed(rows: number): Promise<void>;
  /** Writes where the map says. False when the bucket is closed. */
  put(id: number, value: string): Promise<boolean>;
  remove(id: number): Promise<boolean>;
  /** `owned@1` of both. */
  rows(): Promise<readonly [string, string]>;
  /** No move any more: the shard has it and all that was written, the other nothing. */
  settled(owner: string): Promise<void>;
}

let worlds = 0;

export async function moveWorld(
  server: MariaDb,
  {
    buckets = 64,
    url,
    second = server,
  }: {
    readonly buckets?: number;
    readonly url?: string;
    /** Serves the second shard. */
    readonly second?: MariaDb;
  } = {},
): Promise<MoveWorld> {
  const name = `w${++worlds}`;
  const dir = await mkdtemp(join(tmpdir(), "dcs-move-"));
  const storeUrl = url ?? `embedded:${dir}/store.db`;
  const open = () => openStore(storeUrl, { timeoutMs: 5000, stateDir: dir });
  const store = await open();
  const opened: Store[] = [store];
  const names = [`${name}a`, `${name}b`, `${name}c`] as const;
  const serverOf = (shard: string) => (shard === names[1] ? second : server);
  const tables = [
    { name: "items", key: "tenant", primaryKey: ["tenant", "id"] },
    { name: "notes", key: "tenant", primaryKey: ["id"] },
  ];
  const keyspace: Keyspace = { name, buckets, hash: "crc32", tables };
  const owners = Array.from({ length: buckets }, () => ({ shard: names[0], epoch: 1 }));
  const shardsOf = names.map(
    (shard): Shard => ({
      name: shard,
      url: `mysql://dcs@127.0.0.1:${serverOf(shard).port}/${shard}`,
      weight: 1,
      zone: null,
      state: "active",
    }),
  );
  const pools = new Map<string, MysqlPool>();
  for (const { name: shard, url: where } of shardsOf) {
    await serverOf(shard).run(`CREATE DATABASE ${shard} CHARACTER SET utf8mb4; USE ${shard}; ${DDL}`);
    const pool = await MysqlPool.open(parseMysqlUrl(where), {
      clock: systemClock,
      timeoutMs: TIMEOUT_MS,
      size: 8,
    });
    await installSchema(pool, { keyspace, shard, owners, dialect: "mariadb" });
    pools.set(shard, pool);
  }
  const shards = new ShardStore(store, name);
  await shards.create(keyspace, shardsOf, owners);
  const pool = (shard: string) => {
    const found = pools.get(shard);
    if (found === undefined) throw new Error(shard);
    return found;
  };
  const holder = { host: "here", pid: process.pid, command: "test" };
  const { id: lease } = await store.grant({ id: newLeaseId(), ttlMs: 600_000, holder });
  const runner = async (): Promise<RunnerRef> => ({
    ...{ id: randomHex(8), lease, host: "here", pid: process.pid },
  });
  const world: MoveWorld = {
    store,
    storeUrl,
    shards,
    names,
    server,
    state: () => shards.keyspace(),
    async another() {
      const other = await open();
      opened.push(other);
      return { store: other, shards: new ShardStore(other, name) };
    },
    at: (shard, sql) => serverOf(shard).run(`USE ${shard}; ${sql}`),
    pool,
    async deps({ more, ...over } = {}) {
      return {
        shards,
        state: await shards.keyspace(),
        clock: systemClock,
        target: (shard) => shardTarget(shard, {}),
        runner,
        options: { ...MOVE_OPTIONS, maxPauseMs: 2000, timeoutMs: TIMEOUT_MS, ...more },
        signal: NEVER,
        ...over,
      };
    },
    async rebalancer({ more, ...over } = {}) {
      const { runner: _runner, state: _state, ...deps } = await world.deps({ ...(more && { more }) });
      return Rebalancer.open({ ...deps, store, concurrency: 4, ttlMs: 5000, ...over });
    },
    runner,
    bucket: (n) => bucket(world, n, buckets, pool),
    async [Symbol.asyncDispose]() {
      for (const each of pools.values()) await each[Symbol.asyncDispose]();
      for (const each of opened) await each.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return world;
}

function bucket(
  world: MoveWorld,
  number: number,
  buckets: number,
  pool: (shard: string) => MysqlPool,
): Bucket {
  const { shards, names } = world;
  const [a, b] = names;
  const truth = new Map<number, string>();
  let tenant = 0;
  while (bucketOf(tenant, buckets) !== number) tenant++;
  const write = async (statements: readonly string[]) => {
    const { owners } = await shards.map();
    try {
      await pool(owners[number]?.shard ?? "").use((connection) =>
        connection.send(["BEGIN", ...statements, "COMMIT"]),
      );
      return true;
    } catch (error) {
      if (isMysqlError(error) && error.errno === MOVED) return false;
      throw error;
    }
  };
  return {
    number,
    tenant,
    truth,
    async claim({ windowMs, runner } = {}) {
      const plan = windowMs === undefined ? "test" : `test window=${windowMs}`;
      return shards.claim({ bucket: number, src: a, dst: b, plan }, runner ?? (await world.runner()));
    },
    async seed(rows) {
      const ids = Array.from({ length: rows }, (_, i) => i);
      for (const id of ids) truth.set(id, `v${id}`);
      const items = ids.map((id) => `(${tenant}, ${id}, 'v${id}')`).join(",");
      const notes = ids.map((id) => `('${tenant}-${id}', ${tenant}, 'v${id}')`).join(",");
      await pool(a).send([
        `INSERT INTO items VALUES ${items}`,
        `INSERT INTO notes (id, tenant, body) VALUES ${notes}`,
      ]);
    },
    async put(id, value) {
      const done = await write([
        `REPLACE INTO items (tenant, id, v) VALUES (${tenant}, ${id}, '${value}')`,
        `INSERT INTO notes (id, tenant, body) VALUES ('${tenant}-${id}', ${tenant}, '${value}') ON DUPLICATE KEY UPDATE body = '${value}'`,
      ]);
      if (done) truth.set(id, value);
      return done;
    },
    async remove(id) {
      const done = await write([
        `DELETE FROM items WHERE tenant = ${tenant} AND id = ${id}`,
        `DELETE FROM notes WHERE id = '${tenant}-${id}'`,
      ]);
      if (done) truth.delete(id);
      return done;
    },
    async rows() {
      const read = async (shard: string) => {
        const [[row] = []] = await pool(shard).send([
          `SELECT CONCAT(state, '@', epoch) AS is_now FROM dcs_bucket WHERE bucket = ${number}`,
        ]);
        return String(row?.["is_now"]);
      };
      return [await read(a), await read(b)];
    },
    async settled(owner) {
      const { owners } = await shards.map();
      expect(await shards.move(number), "no record").toBeNull();
      expect(owners[number]?.shard).toBe(owner);
      for (const shard of [a, b]) {
        const [[row] = [], items = [], notes = [], log = [], progress = []] = await pool(shard).send([
          `SELECT state, epoch FROM dcs_bucket WHERE bucket = ${number}`,
          `SELECT id, v FROM items WHERE tenant = ${tenant} ORDER BY id`,
          `SELECT SUBSTRING_INDEX(id, '-', -1) + 0 AS id, body AS v FROM notes WHERE tenant = ${tenant} ORDER BY 1`,
          `SELECT 1 FROM dcs_log WHERE bucket = ${number}`,
          `SELECT 1 FROM dcs_progress WHERE bucket = ${number}`,
        ]);
        expect([log.length, progress.length], "log and progress").toEqual([0, 0]);
        expect(row?.["state"]).toBe(shard === owner ? "owned" : "gone");
        const wanted = shard === owner ? [...truth].toSorted(([x], [y]) => x - y) : [];
        if (shard === owner) expect(Number(row?.["epoch"])).toBe(owners[number]?.epoch);
        for (const found of [items, notes]) {
          expect(found.map((each) => [Number(each["id"]), each["v"]])).toEqual(wanted);
        }
      }
    },
  };
}

/** Collects what moves say. */
export function eventLog(): { readonly events: MoveEvent[]; readonly onEvent: (event: MoveEvent) => void } {
  const events: MoveEvent[] = [];
  return { events, onEvent: (event) => events.push(event) };
}
