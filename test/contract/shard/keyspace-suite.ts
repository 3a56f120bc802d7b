import { describe, expect, it } from "vitest";
import { keyspacesOf, ShardStore } from "../../../src/core/shard/map/shard-store.ts";
import {
  BUCKETS,
  keyspace,
  loseAnswer,
  owners,
  runner,
  type ShardWorld,
  shard,
  want,
} from "./shard-harness.ts";

const THREE = [shard("a"), shard("b"), shard("c")];

/** The keyspace, its shards, acknowledgements and history. */
export function keyspaceSuite(world: () => ShardWorld): void {
  describe("keyspace", () => {
    it("is read as it was made, with its map", async () => {
      const { others } = world();
      const state = await others.keyspace();
      expect(state).toMatchObject({ keyspace: keyspace(), shards: THREE });
      const map = await others.map();
      expect(map).toMatchObject({ keyspace: "shop", owners: owners() });
      expect(map.revision).toBe(state.revision);
    });

    it("names the keyspaces there are where one is unknown", async () => {
      const { store } = world();
      await new ShardStore(store, "shop2").create(keyspace({ name: "shop2" }), THREE, owners());
      expect(await keyspacesOf(store)).toEqual(["shop", "shop2"]);
      const none = new ShardStore(store, "sho");
      for (const call of [() => none.keyspace(), () => none.map(), () => none.remove()]) {
        await expect(call()).rejects.toMatchObject({
          code: "SHARD_KEYSPACE_UNKNOWN",
          message: expect.stringContaining("shop, shop2"),
        });
      }
    });

    it("is made once, also by two at once and where the answer is lost", async () => {
      const { store, other, shards } = world();
      await expect(shards.create(keyspace(), THREE, owners())).rejects.toMatchObject({
        code: "SHARD_KEYSPACE_EXISTS",
      });
      const make = (from: typeof store, zone: string) =>
        new ShardStore(from, "x").create(
          keyspace({ name: "x" }),
          [shard("a", { zone }), shard("b")],
          owners(),
        );
      const ends = await Promise.allSettled([make(store, "1"), make(other, "2")]);
      expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      loseAnswer(store, true);
      await new ShardStore(store, "y").create(keyspace({ name: "y" }), THREE, owners());
      const lost = loseAnswer(store, false);
      const z = new ShardStore(store, "z");
      await expect(z.create(keyspace({ name: "z" }), THREE, owners())).rejects.toMatchObject({
        code: "STORE_UNREACHABLE",
      });
      expect(await lost.deliver()).toBe(true);
      expect((await z.map()).owners).toEqual(owners());
    });

    it.each([
      ["buckets that are no power of two", keyspace({ buckets: 12 }), THREE, owners(12), "power of two"],
      ["a shard named twice", keyspace(), [shard("a"), shard("b"), shard("a")], owners(), "twice"],
      ["a shard without weight", keyspace(), [shard("a", { weight: 0 }), shard("b")], owners(), "weight"],
      ["a map of another size", keyspace(), THREE, owners(8), "8 owners for 16"],
      ["a map with a shard there is not", keyspace(), [shard("a")], owners(), "shard b"],
      ["another name", keyspace({ name: "pop" }), THREE, owners(), "pop"],
    ])("is refused with %s", async (_what, made, shards, map, why) => {
      const next = new ShardStore(world().store, "next");
      const named = made.name === "shop" ? { ...made, name: "next" } : made;
      await expect(next.create(named, shards, map)).rejects.toMatchObject({
        code: "SHARD_KEYSPACE_INVALID",
        message: expect.stringContaining(why),
      });
      await expect(next.keyspace()).rejects.toMatchObject({ code: "SHARD_KEYSPACE_UNKNOWN" });
    });

    it("changes as it was seen, or not at all", async () => {
      const { shards, others } = world();
      const state = await shards.keyspace();
      const more = await shards.change(state, { shards: [...THREE, shard("d", { state: "draining" })] });
      expect(more.revision).toBeGreaterThan(state.revision);
      expect(more.shards.map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
      await expect(others.change(state, { shards: THREE })).rejects.toMatchObject({ code: "SHARD_CHANGED" });
      const tables = [{ name: "t", key: "k", primaryKey: ["k"] }];
      await others.change(more, { tables });
      expect(await shards.keyspace()).toMatchObject({ shards: more.shards, keyspace: { tables } });
    });

    it("gives up a shard only when that has no bucket and none is on its way", async () => {
      const { store, shards } = world();
      const state = await shards.keyspace();
      await expect(shards.change(state, { shards: [shard("a"), shard("c")] })).rejects.toMatchObject({
        code: "SHARD_NOT_EMPTY",
        details: { shard: "b", buckets: BUCKETS / 2 },
      });
      const held = await shards.claim(want(0), await runner(store));
      const without = { shards: [shard("a"), shard("b")] };
      await expect(shards.change(state, without)).rejects.toMatchObject({
        code: "SHARD_BUSY",
        details: { buckets: [0] },
      });
      await shards.end(held);
      expect((await shards.change(state, without)).shards).toHaveLength(2);
      await expect(shards.claim(want(1), await runner(store))).rejects.toMatchObject({
        code: "SHARD_CHANGED",
      });
    });

    it("is removed with all that is kept of it, but not while a bucket is on its way", async () => {
      const { store, shards } = world();
      const next = new ShardStore(store, "shop2");
      await next.create(keyspace({ name: "shop2" }), THREE, owners());
      const held = await shards.claim(want(0), await runner(store));
      for (let i = 0; i < 70; i++) await shards.addHistory(entry(i));
      await expect(shards.remove()).rejects.toMatchObject({ code: "SHARD_BUSY" });
      expect(await shards.history(100)).toHaveLength(70);
      await shards.end(held);
      await shards.remove();
      expect((await store.list("/dcs/shard/shop/")).kvs).toEqual([]);
      await expect(shards.remove()).rejects.toMatchObject({ code: "SHARD_KEYSPACE_UNKNOWN" });
      expect(await keyspacesOf(store)).toEqual(["shop2"]);
      expect((await next.map()).owners).toEqual(owners());
    });

    it.each([
      ["a newer layout", JSON.stringify({ v: 2, all: "new" }), "SHARD_STORE_NEWER", "newer dcs"],
      ["no JSON", "hello", "SHARD_STORE_INVALID", "no JSON"],
      ["no layout", "{}", "SHARD_STORE_INVALID", "cannot be used"],
      ["a part missing", JSON.stringify({ v: 1 }), "SHARD_STORE_INVALID", "cannot be used"],
      ["runs that cannot be read", '{"v":1,"shards":["a"],"runs":"0@1x8 7@1"}', "SHARD_STORE_INVALID", "7@1"],
    ])("says which value cannot be read: %s", async (_what, value, code, why) => {
      const { store, shards } = world();
      const put = "/dcs/shard/shop/map";
      await store.txn({ ops: [{ put, value }] });
      const failure = { code, message: expect.stringContaining(why), details: { key: put } };
      await expect(shards.map()).rejects.toMatchObject(failure);
      await expect(shards.claim(want(0), await runner(store))).rejects.toMatchObject({ code });
    });

    it("keeps the history, the latest first, each entry once", async () => {
      const { shards, others } = world();
      for (const i of [1, 2, 3, 2]) await shards.addHistory(entry(i));
      expect((await others.history(10)).map(({ id }) => id)).toEqual(["m3", "m2", "m1"]);
      expect(await others.history(1)).toEqual([entry(3)]);
    });

    it("has acknowledgements for as long as the leases of the routers live", async () => {
      const { store, shards, others } = world();
      const [one, two] = [(await runner(store)).lease, (await runner(store)).lease];
      const ack = (revision: number) => ({ revision, host: "h", pid: 7, at: 1 });
      await shards.ack(one, ack(5));
      await shards.ack(two, ack(6));
      await shards.ack(one, ack(7));
      const byLease = async () => new Map((await others.acks()).map((each) => [each.lease, each.revision]));
      expect(await byLease()).toEqual(
        new Map([
          [one, 7],
          [two, 6],
        ]),
      );
      await store.revoke(one);
      expect(await byLease()).toEqual(new Map([[two, 6]]));
      await expect(shards.ack(one, ack(8))).rejects.toMatchObject({ code: "LEASE_NOT_FOUND" });
      await shards.dropAck(two);
      expect(await others.acks()).toEqual([]);
      expect(await store.lease(two)).not.toBeNull();
    });
  });
}

function entry(i: number) {
  return {
    id: `m${i}`,
    at: 1_800_000_000_000 + i,
    by: "who@where",
    plan: "p1",
    bucket: i,
    src: "a",
    dst: "c",
    outcome: "moved" as const,
    rows: 10,
    bytes: 100,
    durationMs: 5,
    predictedPauseMs: null,
    pauseMs: 2.5,
    checksums: { orders: "10:00ff" },
    error: null,
  };
}
