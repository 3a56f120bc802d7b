import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runMove } from "../../../src/core/shard/move/run-move.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { type Bucket, eventLog, type MoveWorld, moveWorld } from "../../support/move-world.ts";
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

async function seeded(rows = 50): Promise<Bucket> {
  const bucket = world.bucket(next++);
  await bucket.seed(rows);
  return bucket;
}

/** Writes and deletes one after the other until the signal. Resolves with how long the slowest took, ms. */
async function write(bucket: Bucket, signal: AbortSignal): Promise<{ writes: number; slowest: number }> {
  let slowest = 0;
  let writes = 0;
  for (let began = performance.now(); !signal.aborted; writes++) {
    const isDone = await (writes % 5 === 4
      ? bucket.remove(writes % 100)
      : bucket.put(writes % 100, `w${writes}`));
    if (!isDone) continue;
    slowest = Math.max(slowest, performance.now() - began);
    began = performance.now();
  }
  return { writes, slowest };
}

describe("a move", () => {
  it("brings a bucket to another shard while applications write, and says how", async () => {
    const bucket = await seeded(1000);
    const { events, onEvent } = eventLog();
    const stop = new AbortController();
    const writing = write(bucket, stop.signal);
    const result = await runMove(await bucket.claim(), await world.deps({ onEvent }), 2000);
    stop.abort();
    const { slowest } = await writing;
    expect(result).toMatchObject({ outcome: "moved", error: null, differences: [] });
    expect(result.rows).toBeGreaterThan(1500);
    expect(result.applied).toBeGreaterThan(0);
    expect(result.pauseMs).toBeGreaterThan(0);
    // What was measured is what the application saw, and its own two round trips.
    expect(slowest).toBeLessThan(2000);
    expect(Object.keys(result.checksums)).toEqual(["items", "notes"]);
    const steps = events.filter(({ kind }) => kind === "step").map(({ status }) => status.step);
    expect(steps.slice(0, 6)).toEqual(["arm", "take", "purge", "capture", "copy", "apply"]);
    expect(steps.slice(-5)).toEqual(["open", "retire", "clean", "end"].toSpliced(0, 0, "flip"));
    await bucket.settled(world.names[1]);
    expect(await world.shards.history(1)).toMatchObject([
      { bucket: bucket.number, outcome: "moved", rows: result.rows, pauseMs: result.pauseMs },
    ]);
  });

  it("goes away and back", async () => {
    const bucket = await seeded();
    const [a, b] = world.names;
    await using rebalancer = await world.rebalancer();
    for (const [src, dst] of [
      [a, b],
      [b, a],
      [a, b],
    ] as const) {
      const { results } = await rebalancer.run([{ bucket: bucket.number, src, dst }], "p");
      expect(results).toMatchObject([{ outcome: "moved" }]);
      await bucket.put(7, `at ${dst}`);
      await bucket.settled(dst);
    }
    expect(await bucket.rows()).toEqual(["gone@4", "owned@4"]);
  });

  it("stops at the signal, and is gone on with", async () => {
    const bucket = await seeded();
    const stop = new AbortController();
    const failpoint = (name: string) => {
      if (name === "apply") stop.abort();
    };
    const stopped = await runMove(await bucket.claim(), await world.deps({ failpoint, signal: stop.signal }));
    expect(stopped).toMatchObject({ outcome: "stopped", error: null });
    expect(await bucket.put(3, "meanwhile")).toBe(true);
    await using rebalancer = await world.rebalancer();
    const { results } = await rebalancer.resume({ buckets: [bucket.number], force: true });
    // What was copied is not copied again.
    expect(results).toMatchObject([{ outcome: "moved", rows: 0 }]);
    await bucket.settled(world.names[1]);
  });

  it("is finished once it is sealed, whatever the signal says", async () => {
    const bucket = await seeded();
    const stop = new AbortController();
    const failpoint = (name: string) => {
      if (name === "cut:sealed") stop.abort();
    };
    const stopped = await runMove(await bucket.claim(), await world.deps({ failpoint, signal: stop.signal }));
    expect(stopped).toMatchObject({ outcome: "stopped" });
    expect(await bucket.rows()).toEqual(["gone@2", "owned@2"]);
    expect(await bucket.put(3, "on the new owner")).toBe(true);
    await using rebalancer = await world.rebalancer();
    await rebalancer.resume({ buckets: [bucket.number], force: true });
    await bucket.settled(world.names[1]);
  });

  it("keeps the way back open for a while, then closes it", async () => {
    const bucket = await seeded();
    await using rebalancer = await world.rebalancer({ more: { windowMs: 600 } });
    const [src, dst] = world.names;
    const moving = rebalancer.run([{ bucket: bucket.number, src, dst }], "p");
    await until(async () => (await bucket.rows())[1] === "moving@2");
    expect(await bucket.put(2, "in the window")).toBe(true);
    const { results } = await moving;
    expect(results).toMatchObject([{ outcome: "moved", src, dst }]);
    expect(results[0]?.pauseMs).toBeGreaterThan(0);
    await bucket.settled(dst);
    expect(await world.shards.history(1)).toMatchObject([{ outcome: "moved", src, dst }]);
  });

  it("goes the way back while it is open", async () => {
    const bucket = await seeded();
    const [src, dst] = world.names;
    await using rebalancer = await world.rebalancer({ more: { windowMs: 600_000 } });
    const moving = rebalancer.run([{ bucket: bucket.number, src, dst }], "p");
    await until(async () => (await bucket.rows())[1] === "moving@2");
    expect(await bucket.put(2, "in the window")).toBe(true);
    await using operator = await world.rebalancer();
    const { results } = await operator.undo({ buckets: [bucket.number], force: true });
    expect(results).toMatchObject([{ outcome: "aborted" }]);
    expect((await moving).results).toMatchObject([{ outcome: "superseded" }]);
    await bucket.settled(src);
    expect(await bucket.rows()).toEqual(["owned@3", "gone@3"]);
  });
});

describe("several moves", () => {
  it("run at once under one lease; a second rebalance is refused meanwhile", async () => {
    const buckets = [];
    for (let i = 0; i < 6; i++) buckets.push(await seeded(20));
    const [src, dst] = world.names;
    const wanted = buckets.map(({ number }) => ({ bucket: number, src, dst }));
    const held = Promise.withResolvers<void>();
    await using first = await world.rebalancer({
      failpoint: (name) => (name === "verify" ? held.promise : undefined),
    });
    await using second = await world.rebalancer();
    const moving = first.run(wanted, "first");
    await until(async () => (await world.shards.moves()).length === 4);
    const leases = new Set((await world.shards.moves()).map(({ runner }) => runner?.lease));
    expect(leases.size).toBe(1);
    await expect(second.run(wanted, "second")).rejects.toMatchObject({ code: "SHARD_BUSY" });
    expect(await second.resume()).toEqual({ results: [], left: [] });
    held.resolve();
    const { results, left } = await moving;
    expect(results.map(({ outcome }) => outcome)).toEqual(wanted.map(() => "moved"));
    expect(left).toEqual([]);
    // The same plan once more: all of it is done.
    expect(await second.run(wanted, "again")).toEqual({ results: [], left: [] });
    for (const bucket of buckets) await bucket.settled(dst);
  });

  it("whose runner has gone are ended by the next rebalance", async () => {
    const bucket = await seeded();
    const [src, dst] = world.names;
    const stop = new AbortController();
    {
      await using dying = await world.rebalancer({
        signal: stop.signal,
        failpoint: (name) => {
          if (name === "verify") stop.abort();
        },
      });
      const { results } = await dying.run([{ bucket: bucket.number, src, dst }], "p");
      expect(results).toMatchObject([{ outcome: "stopped" }]);
    }
    expect(await world.shards.move(bucket.number)).toMatchObject({ runner: null });
    await using rebalancer = await world.rebalancer();
    const { results } = await rebalancer.run([], "q");
    expect(results).toMatchObject([{ bucket: bucket.number, outcome: "moved" }]);
    await bucket.settled(dst);
  });

  it("are not begun where a server is not as it must be", async () => {
    const bucket = await seeded();
    const [src, dst] = world.names;
    await using rebalancer = await world.rebalancer();
    await world.at(
      world.names[2],
      "DROP TRIGGER IF EXISTS dcs_items_insert; ALTER TABLE items ADD COLUMN more INT",
    );
    await expect(
      rebalancer.run([{ bucket: bucket.number, src, dst: world.names[2] }], "p"),
    ).rejects.toMatchObject({ code: "SHARD_SCHEMA_UNSUITABLE" });
    expect(await world.shards.move(bucket.number)).toBeNull();
    expect(await rebalancer.run([{ bucket: bucket.number, src, dst }], "p")).toMatchObject({
      results: [{ outcome: "moved" }],
    });
  });
});
