import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DcsError } from "../../../src/core/errors.ts";
import { parseMysqlUrl } from "../../../src/core/mysql/mysql-url.ts";
import { ShardStore } from "../../../src/core/shard/map/shard-store.ts";
import { runMove } from "../../../src/core/shard/move/run-move.ts";
import type { Store } from "../../../src/core/store/store.ts";
import { untilLockWaits } from "../../support/lock-waits.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { type Bucket, eventLog, type MoveWorld, moveWorld } from "../../support/move-world.ts";
import { FaultyProxy } from "../../support/proxy.ts";
import { until } from "../../support/until.ts";

let server: MariaDb;
let world: MoveWorld;
let next = 0;

beforeAll(async () => {
  server = await startMariaDb();
  world = await moveWorld(server);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

async function seeded(of = world, rows = 20): Promise<Bucket> {
  const bucket = of.bucket(next++);
  await bucket.seed(rows);
  return bucket;
}

/** Runs once, at the first time that the move comes to the point. */
function once(point: string, act: () => unknown): (name: string) => Promise<void> {
  let isDone = false;
  return async (name) => {
    if (isDone || name !== point) return;
    isDone = true;
    await act();
  };
}

/** Takes one step after the other at one row until the signal; how long the slowest took, ms. */
async function slowestWrite(bucket: Bucket, signal: AbortSignal): Promise<number> {
  let slowest = 0;
  for (let n = 0; !signal.aborted; n++) {
    const began = performance.now();
    if (await bucket.put(300 + (n % 5), `w${n}`)) slowest = Math.max(slowest, performance.now() - began);
  }
  return slowest;
}

const WORKER = fileURLToPath(new URL("../../support/move-worker.ts", import.meta.url));

/** A process of its own that moves the bucket and sends itself a signal at a point. */
async function worker(of: MoveWorld, bucket: Bucket, point: string, signal: string) {
  const [src, dst] = of.names;
  const args = [of.storeUrl, of.shards.name, String(bucket.number), src, dst, point, signal];
  const child = spawn(process.execPath, [WORKER, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await until(() => said.includes(`at ${point}`), 30_000);
  return {
    goOn: () => child.kill("SIGCONT"),
    /** What it said at its end. */
    async end(): Promise<unknown> {
      await ended;
      return JSON.parse(said.split("\n").at(-2) ?? "null");
    },
    [Symbol.dispose]: () => child.kill("SIGKILL"),
  };
}

describe.concurrent("a process that is stopped", () => {
  it.each(["copy:chunk", "cut:sealed", "flip:done", "clean:acked"])(
    "at %s changes nothing once it goes on",
    async (point) => {
      const bucket = await seeded();
      using stopped = await worker(world, bucket, point, "SIGSTOP");
      await using rebalancer = await world.rebalancer();
      // Its lease runs out, and what it held in the database goes back by itself.
      await until(async () => (await world.shards.move(bucket.number))?.runner === null, 20_000);
      const { results } = await rebalancer.resume({ buckets: [bucket.number] });
      expect(results).toMatchObject([{ outcome: "moved", error: null }]);
      expect(await bucket.put(4, "by the new owner")).toBe(true);
      stopped.goOn();
      expect(await stopped.end()).toMatchObject({ outcome: "superseded" });
      await bucket.settled(world.names[1]);
    },
  );

  it("with the lock of the cut holds writers up for as long as the server waits, no longer", async () => {
    const bucket = await seeded();
    using stopped = await worker(world, bucket, "cut:locked", "SIGSTOP");
    const began = performance.now();
    expect(await bucket.put(3, "behind the lock")).toBe(true);
    expect(performance.now() - began).toBeLessThan(5000);
    stopped.goOn();
    expect(await stopped.end()).toMatchObject({ outcome: "moved", error: null });
    await bucket.settled(world.names[1]);
  });

  it("or killed with the lock of the cut is in nobody's way", async () => {
    const bucket = await seeded();
    using _killed = await worker(world, bucket, "cut:locked", "SIGKILL");
    expect(await bucket.put(3, "at once")).toBe(true);
    await using rebalancer = await world.rebalancer();
    await until(async () => (await world.shards.move(bucket.number))?.runner === null, 20_000);
    const { results } = await rebalancer.resume({ buckets: [bucket.number] });
    expect(results).toMatchObject([{ outcome: "moved" }]);
    await bucket.settled(world.names[1]);
  });
});

describe("the lock of the cut", () => {
  let own: MoveWorld;
  beforeAll(async () => {
    own = await moveWorld(server);
  });
  afterAll(() => own?.[Symbol.asyncDispose]());

  it("is asked for in small bites while a long transaction holds the bucket", async () => {
    const bucket = await seeded(own);
    await using long = server.session();
    const stop = new AbortController();
    const writing = Promise.withResolvers<number>();
    const failpoint = once("verify:done", async () => {
      await long.run(
        `USE ${own.names[0]}; BEGIN; UPDATE items SET v = 'long' WHERE tenant = ${bucket.tenant} AND id = 9;`,
      );
      writing.resolve(slowestWrite(bucket, stop.signal));
    });
    let misses = 0;
    const moving = runMove(
      await bucket.claim(),
      await own.deps({
        failpoint,
        onEvent: (event) => {
          if (event.kind === "cut again") misses++;
        },
        more: { maxPauseMs: 200 },
      }),
    );
    try {
      await until(() => misses >= 5, 30_000);
    } finally {
      await long.run("COMMIT;");
    }
    const result = await moving.finally(() => stop.abort());
    expect(result).toMatchObject({ outcome: "moved" });
    // 100 ms behind the lock; the rest is this machine's.
    expect(await writing.promise).toBeLessThan(1500);
    const kept = `SELECT v FROM items WHERE tenant = ${bucket.tenant} AND id = 9`;
    expect(await own.at(own.names[1], kept)).toBe("long");
  });

  it("may be lost: KILL of its connection costs one more round", async () => {
    const bucket = await seeded(own);
    const { events, onEvent } = eventLog();
    const failpoint = once("cut:locked", async () => {
      const id = await fenceOf(own);
      await server.asRoot(`KILL CONNECTION ${id}`);
    });
    const result = await runMove(await bucket.claim(), await own.deps({ failpoint, onEvent }));
    expect(result).toMatchObject({ outcome: "moved", error: null });
    expect(events.filter(({ kind }) => kind === "cut again")).toHaveLength(1);
    expect(events.filter(({ kind }) => kind === "retry")).toHaveLength(0);
    await bucket.settled(own.names[1]);
  });

  it("is the victim of a deadlock, and asked for again", async () => {
    const bucket = await seeded(own);
    const { events, onEvent } = eventLog();
    const [src] = own.names;
    const row = (id: number) => `items SET v = 'dead' WHERE tenant = ${bucket.tenant} AND id = ${id}`;
    await using one = server.session();
    await using two = server.session();
    let locking: Promise<unknown> = Promise.resolve();
    const failpoint = once("cut", async () => {
      await one.run(`USE ${src}; BEGIN; UPDATE ${row(1)};`);
      await two.run(
        `USE ${src}; BEGIN; SELECT 1 FROM items WHERE tenant = ${bucket.tenant} AND id = 2 FOR UPDATE;`,
      );
      locking = (async () => {
        await untilLockWaits(server, 1, src);
        // It waits for the bucket's row behind the cut; the cut waits for the other, and that for this one.
        const behind = two.run(`UPDATE ${row(2)}; COMMIT;`);
        await untilLockWaits(server, 2, src);
        await one.run(`UPDATE ${row(2)}; COMMIT;`);
        await behind;
      })();
    });
    const deps = await own.deps({ failpoint, onEvent, more: { maxPauseMs: 20_000 } });
    const result = await runMove(await bucket.claim(), deps);
    await locking;
    expect(result).toMatchObject({ outcome: "moved", error: null });
    const again = events.filter((event) => event.kind === "cut again");
    expect(again).toMatchObject([{ why: "the server ended a deadlock with it" }]);
    expect(
      await own.at(own.names[1], `SELECT COUNT(*) FROM items WHERE v = 'dead' AND tenant = ${bucket.tenant}`),
    ).toBe("2");
  });

  it("is given back in time when the target hangs", async () => {
    const bucket = await seeded(own);
    await using proxy = await FaultyProxy.start(server.port);
    const { events, onEvent } = eventLog();
    const took = Promise.withResolvers<number>();
    const failpoint = once("cut:locked", () => {
      proxy.mode = "black-hole";
      const began = performance.now();
      took.resolve(bucket.put(1, "behind the lock").then(() => performance.now() - began));
    });
    const deps = await own.deps({
      failpoint,
      onEvent: (event) => {
        onEvent(event);
        if (event.kind === "cut again") proxy.mode = "pass";
      },
      target: behind(proxy, own),
      more: { maxPauseMs: 500, timeoutMs: 3000 },
    });
    const result = await runMove(await bucket.claim(), deps);
    expect(result).toMatchObject({ outcome: "moved", error: null });
    expect(events.some(({ kind }) => kind === "cut again")).toBe(true);
    // Long before we gave the target up.
    expect(await took.promise).toBeLessThan(2500);
    await bucket.settled(own.names[1]);
  });
});

/** The one transaction that is open at the source and locks its bucket row. */
async function fenceOf(of: MoveWorld): Promise<string> {
  return server.asRoot(
    `SELECT trx_mysql_thread_id FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.db = '${of.names[0]}' ORDER BY trx_started LIMIT 1`,
  );
}

/** The target's server through a proxy. */
function behind(proxy: FaultyProxy, of: MoveWorld) {
  return ({ name, url }: { readonly name: string; readonly url: string }) => {
    const target = parseMysqlUrl(url);
    return name === of.names[1] ? { ...target, port: proxy.port } : target;
  };
}

/** A store that can be made to answer nothing. */
function breakable(store: Store) {
  const state = { isDown: false, loses: false };
  const gate = <T extends unknown[], R>(call: (...args: T) => Promise<R>, isTxn: boolean) => {
    return async (...args: T): Promise<R> => {
      const refuse = () =>
        new DcsError("STORE_UNREACHABLE", "no answer", { details: { outcome: "unknown" } });
      if (state.isDown) throw refuse();
      const done = await call(...args);
      if (!isTxn || !state.loses) return done;
      state.loses = false;
      state.isDown = true;
      throw refuse();
    };
  };
  const broken = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      const bound = value.bind(target);
      return name === "watch" || name === "close" ? bound : gate(bound, name === "txn");
    },
  });
  return { state, store: broken };
}

describe.concurrent("the store", () => {
  it.each([
    ["before the seal", "cut", "down"],
    ["in the cut", "cut:locked", "down"],
    ["right after the seal", "cut:sealed", "down"],
    ["with the answer to the flip", "cut:sealed", "loses"],
    ["after the flip", "flip:done", "down"],
    ["before the end", "end", "down"],
  ] as const)("goes away %s, and comes back", async (_name, point, how) => {
    const bucket = await seeded();
    const { store } = await world.another();
    const broken = breakable(store);
    const isClosed: boolean[] = [];
    const failpoint = once(point, () => {
      if (how === "loses") broken.state.loses = true;
      else broken.state.isDown = true;
    });
    let isBack = false;
    const onEvent = (event: { readonly kind: string }) => {
      if (event.kind !== "retry" || isBack) return;
      isBack = true;
      setTimeout(() => {
        const written = bucket.put(8, "while the store is away");
        void written.then((isDone) => isClosed.push(!isDone)).finally(() => (broken.state.isDown = false));
      }, 300);
    };
    const deps = await world.deps({
      shards: new ShardStore(broken.store, world.shards.name),
      failpoint,
      onEvent,
    });
    const result = await runMove(await bucket.claim(), deps);
    expect(result).toMatchObject({ outcome: "moved", error: null });
    await until(() => isClosed.length === 1);
    // Once the map says the target, opening it takes no store.
    expect(isClosed).toEqual([point === "cut:sealed"]);
    await bucket.settled(world.names[1]);
  });
});

describe.concurrent("a server", () => {
  it.each(["copy:chunk", "apply", "open", "clean"])("goes away at %s, and comes back", async (point) => {
    const bucket = await seeded();
    await using proxy = await FaultyProxy.start(server.port);
    const failpoint = once(point, () => {
      proxy.mode = "black-hole";
      proxy.cut();
    });
    const onEvent = (event: { readonly kind: string }) => {
      if (event.kind === "retry") setTimeout(() => (proxy.mode = "pass"), 300);
    };
    const deps = await world.deps({
      failpoint,
      onEvent,
      target: behind(proxy, world),
      more: { timeoutMs: 1500 },
    });
    const result = await runMove(await bucket.claim(), deps);
    expect(result).toMatchObject({ outcome: "moved", error: null });
    await bucket.settled(world.names[1]);
  });

  it("that stays away leaves the move to be gone on with", async () => {
    const bucket = await seeded();
    await using proxy = await FaultyProxy.start(server.port);
    const failpoint = once("copy:chunk", () => {
      proxy.mode = "black-hole";
      proxy.cut();
    });
    const more = { timeoutMs: 1500, retries: 1 };
    const deps = await world.deps({ failpoint, target: behind(proxy, world), more });
    const result = await runMove(await bucket.claim(), deps);
    expect(result).toMatchObject({ outcome: "failed", error: { code: "SHARD_UNREACHABLE" } });
    expect(await bucket.put(1, "applications go on")).toBe(true);
    await using rebalancer = await world.rebalancer();
    const resumed = await rebalancer.resume({ buckets: [bucket.number], force: true });
    expect(resumed.results).toMatchObject([{ outcome: "moved" }]);
    await bucket.settled(world.names[1]);
  });
});

describe("a table that is changed on one side in the middle", () => {
  it("stops the move before its cut, and it goes on once both are the same", async () => {
    await using own = await moveWorld(server);
    const bucket = await seeded(own);
    const add = "ALTER TABLE items ADD COLUMN more INT NULL DEFAULT 5";
    const failpoint = once("verify:done", () => own.at(own.names[0], add));
    const result = await runMove(await bucket.claim(), await own.deps({ failpoint }));
    expect(result).toMatchObject({ outcome: "failed", error: { code: "SHARD_SCHEMA_DIFFERS" } });
    expect(result.error?.message).toContain("column more int");
    expect(await bucket.put(1, "applications go on")).toBe(true);
    await own.at(own.names[1], add);
    await own.at(own.names[0], `UPDATE items SET more = 6 WHERE tenant = ${bucket.tenant}`);
    await using rebalancer = await own.rebalancer();
    const resumed = await rebalancer.resume({ buckets: [bucket.number], force: true });
    // All of it was copied again: the first copy did not have the column.
    expect(resumed.results).toMatchObject([{ outcome: "moved", error: null }]);
    expect(resumed.results[0]?.rows).toBeGreaterThan(20);
    expect(
      await own.at(own.names[1], `SELECT COUNT(*) FROM items WHERE tenant = ${bucket.tenant} AND more = 6`),
    ).toBe("20");
    await bucket.settled(own.names[1]);
  });
});
