import { describe, expect, it } from "vitest";
import { MoveLost } from "../../../src/core/shard/map/shard-store.ts";
import type { HeldMove } from "../../../src/core/shard/move/move-record.ts";
import { loseAnswer, runner, type ShardWorld, want } from "./shard-harness.ts";

/** Answers of the store that were lost: what is seen to have been done was done, of the rest nobody knows. */
export function lostAnswersSuite(world: () => ShardWorld): void {
  async function aborting(): Promise<HeldMove> {
    const { store, shards } = world();
    await shards.claim(want(1), await runner(store));
    const held = await shards.takeOver(1, await runner(store), { force: true, intent: "abort" });
    if (held === null) throw new Error("no move");
    return held;
  }

  describe("lost answers", () => {
    it("of a claim", async () => {
      const { store, shards } = world();
      loseAnswer(store, true);
      const held = await shards.claim(want(1), await runner(store));
      expect((await shards.move(1))?.runner?.token).toBe(held.token);
      await shards.flip(held, { turnRound: false });
      const lost = loseAnswer(store, false);
      await expect(shards.claim(want(2), await runner(store))).rejects.toBeInstanceOf(MoveLost);
      expect(await shards.move(2)).toBeNull();
      // Somebody else's claim comes first, or the one that was lost: never both.
      const [late, other] = await Promise.allSettled([
        lost.deliver(),
        shards.claim(want(2), await runner(store)),
      ]);
      expect(late.status === "fulfilled" && late.value).toBe(other.status === "rejected");
    });

    it("of a takeover", async () => {
      const { store, shards } = world();
      const first = await shards.claim(want(1), await runner(store));
      loseAnswer(store, true);
      const second = await shards.takeOver(1, await runner(store), { force: true });
      expect(second?.token).toBeGreaterThan(first.token);
      expect((await shards.move(1))?.runner?.token).toBe(second?.token);
      const lost = loseAnswer(store, false);
      const taken = shards.takeOver(1, await runner(store), { force: true, intent: "abort" });
      await expect(taken).rejects.toBeInstanceOf(MoveLost);
      const third = await shards.takeOver(1, await runner(store), { force: true });
      expect(await lost.deliver()).toBe(false);
      expect(await shards.move(1)).toMatchObject({
        record: { intent: "move" },
        runner: { token: third?.token },
      });
    });

    it.each([false, true])("of a flip (turning round: %s)", async (turnRound) => {
      const { store, shards } = world();
      const one = await shards.claim(want(1), await runner(store));
      loseAnswer(store, true);
      const { held, mapRevision } = await shards.flip(one, { turnRound });
      expect(held).toMatchObject({ isFlipped: !turnRound, mapEpoch: 2, token: one.token });
      expect(mapRevision).toBe((await shards.map()).revision);
      const two = await shards.claim(want(2), await runner(store));
      loseAnswer(store, false);
      await expect(shards.flip(two, { turnRound })).rejects.toBeInstanceOf(MoveLost);
      expect((await shards.map()).owners[2]).toEqual({ shard: "a", epoch: 1 });
    });

    it("of a flip, that comes after somebody else took over", async () => {
      const { store, shards } = world();
      const held = await shards.claim(want(1), await runner(store));
      const lost = loseAnswer(store, false);
      await expect(shards.flip(held, { turnRound: false })).rejects.toBeInstanceOf(MoveLost);
      await shards.takeOver(1, await runner(store), { force: true, intent: "abort" });
      expect(await lost.deliver()).toBe(false);
      expect((await shards.map()).owners[1]).toEqual({ shard: "a", epoch: 1 });
    });

    it("of a flip that came before somebody else took over: it is not the old runner's any more", async () => {
      const { store, other, shards, others } = world();
      const held = await shards.claim(want(1), await runner(store));
      const txn = store.txn.bind(store);
      store.txn = async (request, options) => {
        await txn(request, options);
        store.txn = txn;
        await others.takeOver(1, await runner(other), { force: true });
        throw new Error("no answer");
      };
      await expect(shards.flip(held, { turnRound: false })).rejects.toBeInstanceOf(MoveLost);
      expect((await shards.map()).owners[1]).toEqual({ shard: "c", epoch: 2 });
    });

    it("of a bump", async () => {
      const { store, shards } = world();
      const held = await aborting();
      loseAnswer(store, true);
      expect(await shards.bump(held)).toMatchObject({ mapEpoch: 3, record: { epoch: 3 } });
      const again = await shards.takeOver(1, await runner(store), { force: true });
      if (again === null) throw new Error("no move");
      loseAnswer(store, false);
      await expect(shards.bump(again)).rejects.toBeInstanceOf(MoveLost);
      expect((await shards.map()).owners[1]).toEqual({ shard: "a", epoch: 3 });
    });

    it("of an end", async () => {
      const { store, shards } = world();
      const held = await aborting();
      loseAnswer(store, false);
      await expect(shards.end(held)).rejects.toBeInstanceOf(MoveLost);
      expect(await shards.move(1)).not.toBeNull();
      loseAnswer(store, true);
      await shards.end(held);
      expect(await shards.move(1)).toBeNull();
    });

    it("where the store cannot be asked what became of it either", async () => {
      const { store, shards } = world();
      const held = await shards.claim(want(1), await runner(store));
      const down = () => Promise.reject(new Error("down"));
      loseAnswer(store, true);
      const txn = store.txn.bind(store);
      store.txn = (request, options) => {
        Object.assign(store, { get: down, list: down });
        return txn(request, options);
      };
      await expect(shards.flip(held, { turnRound: false })).rejects.toMatchObject({
        name: "MoveLost",
        bucket: 1,
        cause: { code: "STORE_UNREACHABLE" },
      });
    });
  });
}
