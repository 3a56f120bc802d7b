import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runMove } from "../../../src/core/shard/move/run-move.ts";
import { installSchema } from "../../../src/core/shard/schema/install-schema.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { type Bucket, eventLog, type MoveWorld, moveWorld } from "../../support/move-world.ts";
import { until } from "../../support/until.ts";

class Crash extends Error {}

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

const setRow = (shard: string, { number }: Bucket, set: string) =>
  world.at(shard, `UPDATE dcs_bucket SET ${set} WHERE bucket = ${number}`);

/** As a fault would: past the triggers. */
const spoil = (shard: string, { number }: Bucket, sql: string) =>
  world.at(shard, `SET @dcs_bucket = ${number}; ${sql}`);

describe("verification", () => {
  it.each([
    ["are missing", 1900, ({ number }: Bucket) => `DELETE FROM items WHERE dcs_bucket = ${number}`],
    [
      "are too many",
      100,
      ({ tenant }: Bucket) =>
        `INSERT INTO items (tenant, id, v) SELECT ${tenant}, 10000 + seq, 'x' FROM seq_1_to_5000`,
    ],
  ] as const)("mends all rows that %s, also more than it lists of one chunk", async (_what, rows, fault) => {
    const bucket = await seeded(rows);
    const failpoint = async (name: string) => {
      if (name === "copy:done") await spoil(world.names[1], bucket, fault(bucket));
    };
    const result = await runMove(await bucket.claim(), await world.deps({ failpoint }));
    expect(result).toMatchObject({ outcome: "moved", error: null });
    expect(result.differences.length).toBeGreaterThan(1800);
    await bucket.settled(world.names[1]);
    const [noted] = await world.shards.history(1);
    expect(noted?.differences?.length).toBe(101);
  });
});

describe("a trigger that is dropped while a bucket moves", () => {
  it("stops the move before its cut, and what passed unseen is found once it is there again", async () => {
    const bucket = await seeded();
    const [a, b] = world.names;
    const failpoint = async (name: string) => {
      if (name !== "verify:done") return;
      await world.at(
        a,
        "RENAME TABLE items TO old; CREATE TABLE items LIKE old; INSERT INTO items (tenant, id, v) SELECT tenant, id, v FROM old",
      );
      await bucket.put(7, "unseen");
    };
    const result = await runMove(await bucket.claim(), await world.deps({ failpoint }));
    expect(result).toMatchObject({ outcome: "failed", error: { code: "SHARD_SCHEMA_UNSUITABLE" } });
    expect(result.error?.message).toContain("items");
    await world.at(a, "DROP TABLE old");
    const { keyspace } = await world.state();
    const { owners } = await world.shards.map();
    await installSchema(world.pool(a), { keyspace, shard: a, owners, dialect: "mariadb" });
    await using rebalancer = await world.rebalancer();
    const { results } = await rebalancer.resume({ buckets: [bucket.number], force: true });
    expect(results).toMatchObject([{ outcome: "moved", error: null }]);
    await bucket.settled(b);
  });
});

describe("an XA transaction, which has lost its shared locks once it is prepared", () => {
  it("is waited for before the copy, and before the cut", async () => {
    const bucket = await seeded();
    const [a, b] = world.names;
    const prepare = (name: string, id: number) =>
      world.at(
        a,
        `XA START '${name}'; UPDATE items SET v = '${name}' WHERE tenant = ${bucket.tenant} AND id = ${id}; XA END '${name}'; XA PREPARE '${name}'`,
      );
    const { events, onEvent } = eventLog();
    let isCompared = false;
    const failpoint = async (name: string) => {
      if (name !== "verify:done" || isCompared) return;
      isCompared = true;
      await prepare("two", 2);
    };
    await prepare("one", 1);
    const moving = runMove(await bucket.claim(), await world.deps({ onEvent, failpoint }));
    const said = (what: string) => until(() => events.some((event) => JSON.stringify(event).includes(what)));
    await said("1 prepared XA transactions");
    await world.at(a, "XA COMMIT 'one'");
    await said("XA transactions are prepared");
    expect((await bucket.rows())[0]).toBe("moving@1");
    await world.at(a, "XA COMMIT 'two'");
    expect(await moving).toMatchObject({ outcome: "moved", differences: [], error: null });
    const at = (id: number) =>
      world.at(b, `SELECT v FROM items WHERE tenant = ${bucket.tenant} AND id = ${id}`);
    expect([await at(1), await at(2)]).toEqual(["one", "two"]);
  });
});

describe("a row that no step leads from", () => {
  it("at the source ends the move at once, though nobody can write", async () => {
    const bucket = await seeded();
    const held = await bucket.claim();
    await setRow(world.names[0], bucket, "state = 'gone'");
    const result = await runMove(held, await world.deps());
    expect(result).toMatchObject({ outcome: "failed", error: { code: "SHARD_STATE" } });
    expect(await bucket.rows()).toEqual(["gone@1", "incoming@1"]);
  });

  it.each(["move", "abort"] as const)(
    "as a source that was never opened does, with intent %s",
    async (intent) => {
      const bucket = await seeded();
      await bucket.claim();
      await setRow(world.names[0], bucket, "state = 'incoming', epoch = 0");
      const held = await world.shards.takeOver(bucket.number, await world.runner(), {
        force: true,
        ...(intent === "abort" && { intent }),
      });
      if (held === null) throw new Error("there is no move");
      const result = await runMove(held, await world.deps());
      expect(result).toMatchObject({ outcome: "failed", error: { code: "SHARD_STATE" } });
      expect((await bucket.rows())[0]).toBe("incoming@0");
    },
  );

  it("at the target is not opened after the flip: a failover took what was brought", async () => {
    const bucket = await seeded();
    const failpoint = (name: string) => {
      if (name === "flip:done") throw new Crash(name);
    };
    await expect(runMove(await bucket.claim(), await world.deps({ failpoint }))).rejects.toThrow();
    await setRow(world.names[1], bucket, "state = 'gone', epoch = 0, token = 0");
    await spoil(world.names[1], bucket, `DELETE FROM items WHERE dcs_bucket = ${bucket.number}`);
    const held = await world.shards.takeOver(bucket.number, await world.runner(), { force: true });
    if (held === null) throw new Error("there is no move");
    const result = await runMove(held, await world.deps());
    expect(result).toMatchObject({ outcome: "failed", error: { code: "SHARD_STATE" } });
    // What there is left is at the source.
    expect(await bucket.rows()).toEqual(["sealed@2", "gone@0"]);
    const kept = await world.at(
      world.names[0],
      `SELECT COUNT(*) FROM items WHERE dcs_bucket = ${bucket.number}`,
    );
    expect(kept).toBe("50");
  });
});
