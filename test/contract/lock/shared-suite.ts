import { describe, expect, it } from "vitest";
import type { LockDriver, LockMode } from "../../../src/core/lock/lock.ts";
import { request, type Two } from "./lock-harness.ts";
import { as, FOREVER, Room, refusal, SHARED, waitersAre } from "./modes.ts";

/** Readers together, writers alone. */
export function sharedSuite(two: () => Two): void {
  describe("shared", () => {
    it("lets readers in together, with fences that rise, and no writer beside them", async () => {
      const { locks, others } = two();
      const first = await locks.acquire(as(SHARED, { reason: "one" }));
      const second = await others.acquire(as(SHARED, { reason: "two" }));
      expect(second).toMatchObject({ mode: SHARED, fence: second.grant });
      expect(second.grant).toBeGreaterThan(first.grant);
      expect(await refusal(others.acquire(request("a")))).toMatchObject({
        code: "LOCK_HELD",
        details: { reason: "one", holders: 2 },
      });
      const state = await others.inspect("a");
      expect(state).toMatchObject({ mode: SHARED, holder: { reason: "one", mode: SHARED }, waiters: [] });
      expect(state?.holders.map(({ lease, fence }) => [lease, fence])).toEqual([
        [first.lease, first.fence],
        [second.lease, second.fence],
      ]);
      await locks.release("a", first.token);
      await expect(locks.acquire(request("a"))).rejects.toMatchObject({ code: "LOCK_HELD" });
      await others.release("a", second.token);
      const writer = await locks.acquire(request("a"));
      expect(writer.grant).toBeGreaterThan(second.grant);
      await expect(others.acquire(as(SHARED))).rejects.toMatchObject({ code: "LOCK_HELD" });
    });

    it("waits behind a writer who waits, and then lets all readers in together", async () => {
      const { locks, others } = two();
      const order: string[] = [];
      const reader = await locks.acquire(as(SHARED));
      const later = (who: string, by: LockDriver, mode: LockMode) =>
        by.acquire(as(mode, { waitMs: FOREVER })).then((hold) => {
          order.push(who);
          return hold;
        });
      const writer = later("writer", others, { type: "exclusive" });
      await waitersAre(locks, 1);
      await expect(locks.acquire(as(SHARED))).rejects.toMatchObject({ code: "LOCK_HELD" });
      const second = later("second", locks, SHARED);
      await waitersAre(locks, 2);
      const third = later("third", others, SHARED);
      await waitersAre(locks, 3);
      expect((await locks.inspect("a"))?.waiters.map(({ mode }) => mode.type)).toEqual([
        "exclusive",
        "shared",
        "shared",
      ]);
      await locks.release("a", reader.token);
      const held = await writer;
      expect(order).toEqual(["writer"]);
      await others.release("a", held.token);
      await Promise.all([second, third]);
      expect((await locks.inspect("a"))?.holders).toHaveLength(2);
    });

    it("goes on at once when the writer before it gives up", async () => {
      const { locks, others } = two();
      await locks.acquire(as(SHARED));
      const abort = new AbortController();
      const writer = others.acquire(request("a", { waitMs: FOREVER, signal: abort.signal }));
      await waitersAre(locks, 1);
      const reader = locks.acquire(as(SHARED, { waitMs: 20_000 }));
      await waitersAre(locks, 2);
      const start = performance.now();
      abort.abort(new Error("enough"));
      await expect(writer).rejects.toThrow("enough");
      await reader;
      expect(performance.now() - start).toBeLessThan(1500);
    });

    it("keeps writers apart from readers whatever comes", async () => {
      const { locks, others } = two();
      const room = new Room();
      const visits = Array.from({ length: 24 }, async (_, i) => {
        const by = i % 2 === 0 ? locks : others;
        const mode: LockMode = i % 4 === 3 ? { type: "exclusive" } : SHARED;
        const hold = await by.acquire(as(mode, { waitMs: FOREVER }));
        await room.visit(mode);
        await by.release("a", hold.token);
      });
      await Promise.all(visits);
      expect(room.most).toBeGreaterThan(1);
      expect(await locks.inspect("a")).toBeNull();
    });
  });
}
