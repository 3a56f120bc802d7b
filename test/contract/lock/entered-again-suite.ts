import { describe, expect, it } from "vitest";
import type { LockMode } from "../../../src/core/lock/lock.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { until } from "../../support/until.ts";
import { request, type Two } from "./lock-harness.ts";
import { as, refusal, SHARED, slots } from "./modes.ts";

/** A hold that is entered again by its token. */
export function againSuite(two: () => Two, modes: readonly LockMode["type"][]): void {
  describe("entered again by its token", () => {
    it("is the same hold, renewed, and one release ends it", async () => {
      const { locks, others } = two();
      const hold = await locks.acquire(request("a", { ttlMs: 20_000 }));
      const later = systemClock.monotonic() + 5;
      await until(() => systemClock.monotonic() > later);
      const again = await others.acquire(request("a", { ttlMs: 5000, token: hold.token }));
      const { token, fence, grant, lease, mode } = hold;
      expect(again).toMatchObject({ token, fence, grant, lease, mode, reentered: true, ttlMs: 20_000 });
      expect(again.deadline).toBeGreaterThan(hold.deadline);
      expect(await locks.inspect("a")).toMatchObject({ holders: [{ lease }], waiters: [] });
      await others.release("a", again.token);
      await expect(locks.release("a", hold.token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
    });

    it("is refused when the token holds no more, or another lock, and nothing is taken", async () => {
      const { locks, others } = two();
      const hold = await locks.acquire(request("a"));
      await expect(locks.acquire(request("b", { token: hold.token }))).rejects.toMatchObject({
        code: "LOCK_NOT_OWNED",
      });
      await locks.release("a", hold.token);
      for (const token of [hold.token, "nonsense", ""]) {
        await expect(others.acquire(request("a", { token, waitMs: 10_000 }))).rejects.toMatchObject({
          code: "LOCK_NOT_OWNED",
        });
      }
      expect(await locks.list()).toEqual([]);
    });

    if (!modes.includes("shared")) return;

    it("reads where it writes, does not write where it reads, and takes no second slot", async () => {
      const { locks, others } = two();
      const writer = await locks.acquire(request("a"));
      const reading = await others.acquire(as(SHARED, { token: writer.token }));
      expect(reading).toMatchObject({ mode: { type: "exclusive" }, reentered: true });
      await locks.release("a", writer.token);
      const reader = await locks.acquire(as(SHARED));
      await others.acquire(as(SHARED));
      expect(await refusal(others.acquire(request("a", { token: reader.token })))).toMatchObject({
        code: "LOCK_MODE_MIXED",
      });
      const one = await locks.acquire(request("s", { mode: slots(1) }));
      expect(await locks.acquire(request("s", { mode: slots(1), token: one.token }))).toMatchObject({
        fence: null,
        lease: one.lease,
        reentered: true,
      });
      expect((await others.inspect("s"))?.holders).toHaveLength(1);
    });
  });
}
