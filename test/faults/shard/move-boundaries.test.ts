import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TakeOver } from "../../../src/core/shard/map/shard-state.ts";
import type { HeldMove } from "../../../src/core/shard/move/move-record.ts";
import { runMove } from "../../../src/core/shard/move/run-move.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { type Bucket, type MoveWorld, moveWorld } from "../../support/move-world.ts";

/** Between the seal and the opening nobody can write; at every other point a runner that died holds nobody up. */
const CLOSED = ["cut:sealed", "flip", "flip:done", "open"];
const LOCKED = ["cut:locked", "cut:drained", "cut:sealing"];
const BEFORE_FLIP = [
  ...[
    "arm",
    "arm:read",
    "arm:changed",
    "take",
    "take:read",
    "take:changed",
    "purge",
    "purge:acked",
    "purge:done",
  ],
  ...[
    "capture",
    "capture:done",
    "copy",
    "copy:chunk",
    "copy:done",
    "apply",
    "apply:round",
    "verify",
    "verify:done",
  ],
  ...["cut", "cut:locked", "cut:drained", "cut:sealing", "cut:sealed", "flip"],
];
const AFTER_FLIP = [
  ...["flip:done", "open", "open:done", "retire", "retire:done", "clean", "clean:acked", "clean:done"],
  ...["end", "end:noted"],
];
/** An abort of a move whose source is sealed. */
const ABORTING = [
  ...["arm", "arm:read", "arm:changed", "take", "take:read", "give back", "give back:mapped", "take:changed"],
  ...["clean", "clean:acked", "clean:done", "end", "end:noted"],
];
/** Of a move with a reverse window, from the flip on. */
const WINDOW = [
  ...["flip:done", "arm", "arm:read", "arm:changed", "take", "take:read", "take:changed"],
  ...["apply", "apply:round", "window", "window:round"],
];

class Crash extends Error {}

let server: MariaDb;
let world: MoveWorld;
let next = 0;

beforeAll(async () => {
  server = await startMariaDb();
  world = await moveWorld(server, { buckets: 256 });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

async function seeded(): Promise<Bucket> {
  const bucket = world.bucket(next++);
  await bucket.seed(20);
  return bucket;
}

/** Runs a move until the `nth` time it comes to a point, where its process dies. Writes at every point before. */
async function dieAt(bucket: Bucket, held: HeldMove, point: string, after?: string): Promise<void> {
  let isArmed = after === undefined;
  let n = 0;
  const failpoint = async (name: string) => {
    if (isArmed && name === point) throw new Crash(point);
    if (name === after) isArmed = true;
    if (!LOCKED.includes(name)) await bucket.put(100 + (n % 7), `at ${name} ${n++}`);
  };
  const deps = await world.deps({ failpoint });
  await expect(runMove(held, deps)).rejects.toMatchObject({ cause: expect.any(Crash) });
}

/** Another process takes the move over, and has ended it when this resolves. */
async function another(bucket: Bucket, how: Partial<TakeOver> & { readonly undo?: boolean } = {}) {
  const { undo = false, ...rest } = how;
  const held = await world.shards.takeOver(bucket.number, await world.runner(), { force: true, ...rest });
  if (held === null) throw new Error("there is no move");
  return runMove(held, await world.deps({ undo }));
}

async function canWrite(bucket: Bucket): Promise<boolean> {
  const isThere = await bucket.put(5, "after the crash");
  return isThere && (await bucket.remove(6)) && (await bucket.put(200, "new"));
}

describe.concurrent("a runner dies, another goes on", () => {
  it.each([...BEFORE_FLIP, ...AFTER_FLIP])("at %s", async (point) => {
    const bucket = await seeded();
    await dieAt(bucket, await bucket.claim(), point);
    expect(await canWrite(bucket)).toBe(!CLOSED.includes(point));
    expect(await another(bucket)).toMatchObject({ outcome: "moved", error: null });
    await bucket.settled(world.names[1]);
  });
});

describe.concurrent("a runner dies, the move is taken back", () => {
  it.each(BEFORE_FLIP)("at %s", async (point) => {
    const bucket = await seeded();
    await dieAt(bucket, await bucket.claim(), point);
    expect(await canWrite(bucket)).toBe(!CLOSED.includes(point));
    expect(await another(bucket, { intent: "abort" })).toMatchObject({ outcome: "aborted", error: null });
    expect(await canWrite(bucket)).toBe(true);
    await bucket.settled(world.names[0]);
  });

  it.each(AFTER_FLIP)("at %s: too late", async (point) => {
    const bucket = await seeded();
    await dieAt(bucket, await bucket.claim(), point);
    await expect(another(bucket, { intent: "abort" })).rejects.toMatchObject({ code: "SHARD_TOO_LATE" });
    expect(await another(bucket)).toMatchObject({ outcome: "moved" });
    await bucket.settled(world.names[1]);
  });

  it.each(ABORTING)("and that dies as well, at %s", async (point) => {
    const bucket = await seeded();
    await dieAt(bucket, await bucket.claim(), "cut:sealed");
    const how = { force: true, intent: "abort" } as const;
    const held = await world.shards.takeOver(bucket.number, await world.runner(), how);
    if (held === null) throw new Error("there is no move");
    await dieAt(bucket, held, point);
    expect(await another(bucket)).toMatchObject({ outcome: "aborted", error: null });
    await bucket.settled(world.names[0]);
  });
});

describe.concurrent("a runner dies in a reverse window", () => {
  const HOUR = 3_600_000;

  it.each(WINDOW)("at %s, and it is gone back", async (point) => {
    const bucket = await seeded();
    await dieAt(
      bucket,
      await bucket.claim({ windowMs: HOUR }),
      point,
      point === "flip:done" ? undefined : "flip:done",
    );
    await canWrite(bucket);
    expect(await another(bucket, { undo: true })).toMatchObject({ outcome: "aborted", error: null });
    await bucket.settled(world.names[0]);
  });

  it.each(WINDOW)("at %s, and it is closed", async (point) => {
    const bucket = await seeded();
    await dieAt(
      bucket,
      await bucket.claim({ windowMs: HOUR }),
      point,
      point === "flip:done" ? undefined : "flip:done",
    );
    await canWrite(bucket);
    expect(await another(bucket, { intent: "abort" })).toMatchObject({ outcome: "moved", error: null });
    await bucket.settled(world.names[1]);
  });
});
