import { describe, expect, it } from "vitest";
import type { LockMode } from "../../../src/core/lock/lock.ts";
import { until } from "../../support/until.ts";
import { request, type Two } from "./lock-harness.ts";
import { as, FOREVER, SHARED } from "./modes.ts";

/** The way past the queue. */
export function unfairSuite(two: () => Two, modes: readonly LockMode["type"][]): void {
  describe("without a place in the queue", () => {
    it("is taken when it is free, and as soon as it comes free", async () => {
      const { locks, others } = two();
      const told: string[] = [];
      const unfair = { fair: false, waitMs: 20_000, onWait: () => told.push("waits") };
      const first = await locks.acquire(request("a", unfair));
      expect(told).toEqual([]);
      const waiting = others.acquire(request("a", unfair));
      await until(() => told.length === 1);
      expect((await locks.inspect("a"))?.waiters).toEqual([]);
      const start = performance.now();
      await locks.release("a", first.token);
      const second = await waiting;
      expect(performance.now() - start).toBeLessThan(1500);
      expect(second.grant).toBeGreaterThan(first.grant);
    });

    it("is given up after the wait, or at once when aborted", async () => {
      const { locks, others } = two();
      await locks.acquire(request("a"));
      const unfair = { fair: false } as const;
      await expect(others.acquire(request("a", unfair))).rejects.toMatchObject({ code: "LOCK_HELD" });
      await expect(others.acquire(request("a", { ...unfair, waitMs: 150 }))).rejects.toMatchObject({
        code: "LOCK_HELD",
        details: { waitedMs: 150 },
      });
      const abort = new AbortController();
      const waiting = others.acquire(request("a", { ...unfair, waitMs: FOREVER, signal: abort.signal }));
      abort.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
      expect((await locks.inspect("a"))?.waiters).toEqual([]);
    });

    if (!modes.includes("shared")) return;

    it("joins readers who are there", async () => {
      const { locks, others } = two();
      const writer = await locks.acquire(request("a"));
      const waiting = [locks, others].map((by) => by.acquire(as(SHARED, { fair: false, waitMs: 20_000 })));
      await locks.release("a", writer.token);
      await Promise.all(waiting);
      expect((await locks.inspect("a"))?.holders).toHaveLength(2);
    });
  });
}
