import { describe, expect, it } from "vitest";
import { MoveLost } from "../../../src/core/shard/map/shard-store.ts";
import { beforeNext, keyspace, owners, runner, type ShardWorld, shard, want } from "./shard-harness.ts";

const PHASE = {
  phase: "copy",
  rowsCopied: 1,
  rowsTotal: null,
  applied: 0,
  backlog: 0,
  pauseMs: null,
  since: 1,
};

/** Claim, takeover, and what only the holder of the token may do. */
export function movesSuite(world: () => ShardWorld): void {
  describe("moves", () => {
    it("are claimed with the map as it is, and seen by all", async () => {
      const { store, shards, others } = world();
      const by = await runner(store);
      const before = await shards.map();
      const held = await shards.claim(want(3), by);
      const record = { ...want(3), epoch: 1, intent: "move", isReverse: false };
      expect(held).toMatchObject({
        record,
        isFlipped: false,
        mapEpoch: 1,
        mapRevision: before.revision,
        lease: by.lease,
      });
      expect(held.token).toBeGreaterThan(before.revision);
      await shards.notePhase(held, PHASE);
      const seen = await others.move(3);
      expect(seen).toEqual({ record: held.record, runner: { ...by, token: held.token }, phase: PHASE });
      await shards.claim(want(0), by);
      expect((await others.moves()).map((move) => move.record.bucket)).toEqual([0, 3]);
      expect(await others.move(1)).toBeNull();
    });

    it("let one of many claims at once win", async () => {
      const { store, shards, others } = world();
      const by = await Promise.all(Array.from({ length: 12 }, () => runner(store)));
      const ends = await Promise.allSettled(
        by.map((each, i) => (i % 2 === 0 ? shards : others).claim(want(5), each)),
      );
      const won = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
      expect(won).toHaveLength(1);
      for (const end of ends) {
        if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "SHARD_BUSY" });
      }
      expect((await shards.move(5))?.runner?.token).toBe(won[0]?.token);
    });

    it.each([
      ["another owner", want(12), "at b, not at a"],
      ["a target that there is not", want(1, { dst: "z" }), "no shard z"],
      ["a target where it is", want(1, { dst: "a" }), "it is there"],
      ["a bucket that there is not", want(99), "no shard, not at a"],
    ])("are not claimed with %s", async (_what, wanted, why) => {
      const { store, shards } = world();
      await expect(shards.claim(wanted, await runner(store))).rejects.toMatchObject({
        code: "SHARD_CHANGED",
        message: expect.stringContaining(why),
      });
      expect(await shards.moves()).toEqual([]);
    });

    it("are not claimed on a lease that has ended", async () => {
      const { store, shards } = world();
      const by = await runner(store);
      await store.revoke(by.lease);
      await expect(shards.claim(want(1), by)).rejects.toMatchObject({ code: "LEASE_NOT_FOUND" });
      expect(await shards.moves()).toEqual([]);
    });

    it("are taken over when their runner is gone, with a greater token and the same record", async () => {
      const { store, shards, others } = world();
      const by = await runner(store);
      const first = await shards.claim(want(1), by);
      await shards.notePhase(first, PHASE);
      const next = await runner(store);
      await expect(others.takeOver(1, next, { force: false })).rejects.toMatchObject({
        code: "SHARD_BUSY",
        details: { bucket: 1, runner: { pid: 4711 } },
      });
      await store.revoke(by.lease);
      expect(await others.move(1)).toEqual({ record: first.record, runner: null, phase: null });
      const second = await others.takeOver(1, next, { force: false });
      expect(second?.token).toBeGreaterThan(first.token);
      expect(second).toMatchObject({
        record: first.record,
        isFlipped: false,
        mapEpoch: 1,
        lease: next.lease,
      });
    });

    it("are taken over from a runner that lives by force, or on its own lease", async () => {
      const { store, shards, others } = world();
      const by = await runner(store);
      const first = await shards.claim(want(1), by);
      const again = await shards.takeOver(1, await runner(store, by.lease), { force: false });
      expect(again?.token).toBeGreaterThan(first.token);
      const forced = await others.takeOver(1, await runner(store), { force: true });
      expect(forced?.token).toBeGreaterThan(again?.token ?? Infinity);
      expect(await shards.takeOver(2, await runner(store), { force: true })).toBeNull();
    });

    it("are taken over as they are then, not as they were when it was looked", async () => {
      const { store, other, shards, others } = world();
      const claim = async (bucket: number) => shards.claim(want(bucket), await runner(store));
      const [one, two, three] = [await claim(1), await claim(2), await claim(3)];
      beforeNext(other, () => shards.flip(one, { turnRound: false }));
      const next = await runner(store);
      const taken = await others.takeOver(1, next, { force: true });
      expect(taken).toMatchObject({ isFlipped: true, mapEpoch: 2, record: { epoch: 1 } });
      beforeNext(other, () => shards.flip(two, { turnRound: false }));
      await expect(others.takeOver(2, next, { force: true, intent: "abort" })).rejects.toMatchObject({
        code: "SHARD_TOO_LATE",
      });
      beforeNext(other, () => shards.flip(three, { turnRound: true }));
      const closing = await others.takeOver(3, next, { force: true, intent: "abort" });
      expect(closing).toMatchObject({ isFlipped: false, mapEpoch: 2, record: { src: "c", intent: "abort" } });
    });

    it("are not claimed to a shard that goes at the same moment, or from where another move went first", async () => {
      const { store, other, shards, others } = world();
      const state = await shards.keyspace();
      const by = await runner(store);
      beforeNext(other, async () => {
        const held = await shards.claim(want(1), by);
        await shards.end((await shards.flip(held, { turnRound: false })).held);
      });
      await expect(others.claim(want(1), by)).rejects.toMatchObject({ code: "SHARD_CHANGED" });
      const more = await shards.change(state, { shards: [...state.shards, shard("d")] });
      beforeNext(other, () => shards.change(more, { shards: state.shards }));
      await expect(others.claim(want(2, { dst: "d" }), by)).rejects.toMatchObject({
        code: "SHARD_CHANGED",
        message: expect.stringContaining("no shard d"),
      });
      expect(await shards.moves()).toEqual([]);
    });

    it("let nobody do anything whose token is not the present one", async () => {
      const { store, shards, others } = world();
      const by = await runner(store);
      const old = await shards.claim(want(1), by);
      const present = await others.takeOver(1, await runner(store), { force: true, intent: "abort" });
      const before = [await shards.map(), await shards.moves()];
      const aborting = { ...old, record: { ...old.record, intent: "abort" as const } };
      for (const act of [
        () => shards.flip(old, { turnRound: false }),
        () => shards.flip(old, { turnRound: true }),
        () => shards.bump(aborting),
        () => shards.end(old),
        () => shards.notePhase(old, PHASE),
      ]) {
        await expect(act()).rejects.toBeInstanceOf(MoveLost);
      }
      expect([await shards.map(), await shards.moves()]).toEqual(before);
      expect(present?.record.intent).toBe("abort");
    });

    it("let nobody do anything whose lease has ended", async () => {
      const { store, shards } = world();
      const by = await runner(store);
      const held = await shards.claim(want(1), by);
      await store.revoke(by.lease);
      await expect(shards.flip(held, { turnRound: false })).rejects.toBeInstanceOf(MoveLost);
      await expect(shards.notePhase(held, PHASE)).rejects.toBeInstanceOf(MoveLost);
      await expect(shards.end(held)).rejects.toBeInstanceOf(MoveLost);
      expect((await shards.map()).owners).toEqual(owners());
    });

    it("flip once, end, and begin anew at the next epoch", async () => {
      const { store, shards, others } = world();
      const by = await runner(store);
      const held = await shards.claim(want(1), by);
      const { held: flipped, mapRevision } = await shards.flip(held, { turnRound: false });
      expect(flipped).toMatchObject({ token: held.token, isFlipped: true, mapEpoch: 2, mapRevision });
      const map = await others.map();
      expect(map.revision).toBe(mapRevision);
      expect(map.owners[1]).toEqual({ shard: "c", epoch: 2 });
      expect(map.owners.filter((owner) => owner.epoch !== 1)).toHaveLength(1);
      const next = await runner(store);
      await expect(others.takeOver(1, next, { force: true, intent: "abort" })).rejects.toMatchObject({
        code: "SHARD_TOO_LATE",
      });
      const taken = await others.takeOver(1, next, { force: true });
      expect(taken).toMatchObject({ isFlipped: true, mapEpoch: 2, record: { epoch: 1 } });
      if (taken !== null) await others.end(taken);
      expect(await shards.moves()).toEqual([]);
      const back = await shards.claim(want(1, { src: "c", dst: "a" }), by);
      expect(back).toMatchObject({ mapEpoch: 2, record: { epoch: 2 } });
    });

    it("flip all at once where there are several", async () => {
      const { store, shards, others } = world();
      const by = await runner(store);
      const buckets = [0, 1, 2, 3, 4, 5, 6, 7];
      const held = await Promise.all(buckets.map((bucket) => shards.claim(want(bucket), by)));
      await Promise.all(
        held.map((each, i) => (i % 2 === 0 ? shards : others).flip(each, { turnRound: false })),
      );
      const map = await shards.map();
      expect(map.owners.slice(0, 9).map((owner) => `${owner.shard}${owner.epoch}`)).toEqual([
        ...buckets.map(() => "c2"),
        "b1",
      ]);
    });

    it("go back with the map two epochs on", async () => {
      const { store, shards } = world();
      await shards.claim(want(1), await runner(store));
      const held = await shards.takeOver(1, await runner(store), { force: true, intent: "abort" });
      if (held === null) throw new Error("no move");
      const bumped = await shards.bump(held);
      expect(bumped).toMatchObject({
        isFlipped: false,
        mapEpoch: 3,
        token: held.token,
        record: { epoch: 3 },
      });
      expect((await shards.map()).owners[1]).toEqual({ shard: "a", epoch: 3 });
      // What is aborted stays so, whoever takes it up.
      const next = await shards.takeOver(1, await runner(store), { force: true });
      expect(next).toMatchObject({ isFlipped: false, mapEpoch: 3, record: { intent: "abort", epoch: 3 } });
      if (next !== null) await shards.end(next);
      expect(await shards.move(1)).toBeNull();
    });

    it("are turned round by a flip with a window, and go either way from there", async () => {
      const { store, shards, others } = world();
      const window = async (bucket: number) => {
        const held = await shards.claim(want(bucket), await runner(store));
        return (await shards.flip(held, { turnRound: true })).held;
      };
      const open = await window(1);
      const turned = { src: "c", dst: "a", epoch: 2, intent: "move", isReverse: true };
      expect(open).toMatchObject({ isFlipped: false, mapEpoch: 2, record: turned });
      expect((await others.move(1))?.record).toEqual(open.record);
      const { held: undone } = await shards.flip(open, { turnRound: false });
      expect(undone).toMatchObject({ isFlipped: true, mapEpoch: 3, record: turned });
      expect((await others.map()).owners[1]).toEqual({ shard: "a", epoch: 3 });
      await window(2);
      const closing = await others.takeOver(2, await runner(store), { force: true, intent: "abort" });
      expect(closing).toMatchObject({
        isFlipped: false,
        mapEpoch: 2,
        record: { ...turned, intent: "abort" },
      });
    });

    it("fit the store with as many buckets as there may be, no two neighbours alike", async () => {
      const { store, shards } = world();
      await shards.remove();
      const all = Array.from({ length: 65_536 }, (_, i) => ({
        shard: i % 2 === 0 ? "a" : "b",
        epoch: 1 + (i % 5000),
      }));
      await shards.create(keyspace({ buckets: 65_536 }), [shard("a"), shard("b"), shard("c")], all);
      const held = await shards.claim(want(65_534), await runner(store));
      await shards.flip(held, { turnRound: false });
      const map = await shards.map();
      expect(map.owners[65_534]).toEqual({ shard: "c", epoch: (all[65_534]?.epoch ?? 0) + 1 });
      expect(map.owners.filter((owner, i) => owner.shard !== all[i]?.shard)).toHaveLength(1);
    });
  });
}
