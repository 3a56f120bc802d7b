import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runMove } from "../../../src/core/shard/move/run-move.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { eventLog, type MoveWorld, moveWorld } from "../../support/move-world.ts";

let server: MariaDb;
let world: MoveWorld;

beforeAll(async () => {
  server = await startMariaDb();
  world = await moveWorld(server);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

describe("a move", () => {
  it("brings a bucket with its rows to another shard", async () => {
    const bucket = world.bucket(1);
    await bucket.seed(1000);
    const { events, onEvent } = eventLog();
    const result = await runMove(await bucket.claim(), await world.deps({ onEvent }), 1000);
    expect(result.error).toBeNull();
    expect(result).toMatchObject({ outcome: "moved", rows: 2000, differences: [] });
    expect(result.pauseMs).toBeGreaterThan(0);
    console.log(result, events.map((e) => `${e.kind} ${e.status.step}`).join(", "));
    await bucket.settled(world.names[1]);
    expect(await world.shards.history(1)).toMatchObject([{ bucket: 1, outcome: "moved", rows: 2000 }]);
  });
});
