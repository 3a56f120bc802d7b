import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LockDriver, LockEvent } from "../../../src/core/lock/lock.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { until } from "../../support/until.ts";
import { type LockHarness, request } from "./lock-harness.ts";
import { ALL_MODES } from "./modes.ts";
import { modesSuite } from "./modes-suite.ts";
import { notesSuite } from "./notes-suite.ts";

/** The suite every lock driver passes. */
export function lockContract(name: string, setUp: () => Promise<LockHarness>, modes = ALL_MODES): void {
  describe(`lock contract: ${name}`, () => {
    let harness: LockHarness;
    let locks: LockDriver;
    let others: LockDriver;
    let stop: AbortController;

    beforeEach(async () => {
      harness = await setUp();
      locks = await harness.open();
      others = await harness.open();
      stop = new AbortController();
    });

    afterEach(async () => {
      stop.abort();
      await locks.close();
      await others.close();
      await harness.destroy();
    });

    it("is held by one, with a token, a fence and an end", async () => {
      const before = Date.now();
      const hold = await locks.acquire(request("a", { reason: "because" }));
      expect(hold).toMatchObject({ name: "a", ttlMs: 30_000 });
      expect(hold.token).not.toBe("");
      expect(Number.isSafeInteger(hold.fence)).toBe(true);
      expect(hold.expiresAt).toBeGreaterThan(before + 29_000);
      expect(hold.expiresAt).toBeLessThanOrEqual(Date.now() + 30_000);
      await expect(others.acquire(request("a"))).rejects.toMatchObject({
        code: "LOCK_HELD",
        details: {
          holder: "contract test",
          host: "elsewhere",
          pid: 4711,
          reason: "because",
          fence: hold.fence,
        },
      });
    });

    it("shows the value that who asks for it gives, and none that is reserved", async () => {
      const hold = await locks.acquire(request("a", { value: "node-7" }));
      const waiting = others.acquire(request("a", { value: "node-8", waitMs: 20_000 }));
      await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
      expect(await locks.inspect("a")).toMatchObject({
        holder: { value: "node-7" },
        waiters: [{ value: "node-8" }],
      });
      await locks.release("a", hold.token);
      const next = await waiting;
      expect((await locks.inspect("a"))?.holder.value).toBe("node-8");
      await others.release("a", next.token);
      await expect(locks.acquire(request("a", { value: "dcs:x" }))).rejects.toMatchObject({
        code: "NAME_INVALID",
      });
      await locks.acquire(request("a"));
      expect((await locks.inspect("a"))?.holder.value).toBeNull();
    });

    it("is free again after release, and the fence has grown", async () => {
      let last = 0;
      for (let i = 0; i < 5; i++) {
        const by = i % 2 === 0 ? locks : others;
        const hold = await by.acquire(request("a"));
        expect(hold.fence).toBe(hold.grant);
        expect(hold.grant).toBeGreaterThan(last);
        last = hold.grant;
        await by.release("a", hold.token);
      }
    });

    it("can be released and renewed by another connection that has the token", async () => {
      const hold = await locks.acquire(request("a", { detached: true }));
      expect((await others.renew("a", hold.token)).ttlMs).toBe(30_000);
      await others.release("a", hold.token);
      expect(await locks.inspect("a")).toBeNull();
    });

    it.each(["nonsense", "0123456789abcdef-0123456789abcdef", ""])(
      "refuses the token %j, and changes nothing",
      async (token) => {
        const hold = await locks.acquire(request("a"));
        for (const wrong of [
          token,
          `${hold.token.slice(0, -1)}${hold.token.endsWith("0") ? "1" : "0"}`,
          hold.lease,
        ]) {
          await expect(others.release("a", wrong)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
          await expect(others.renew("a", wrong)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
        }
        await expect(others.release("b", hold.token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
        expect((await locks.inspect("a"))?.holder.lease).toBe(hold.lease);
      },
    );

    it("cannot be released twice, nor with the token of an earlier hold", async () => {
      const first = await locks.acquire(request("a"));
      await locks.release("a", first.token);
      await expect(locks.release("a", first.token)).rejects.toMatchObject({
        code: "LOCK_NOT_OWNED",
        details: { holder: null },
      });
      const second = await others.acquire(request("a"));
      await expect(locks.release("a", first.token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
      await others.release("a", second.token);
    });

    it("ends by itself after its TTL, not before, and renewal prolongs it", async () => {
      const ttlMs = Math.max(600, locks.capabilities.minTtlMs);
      const hold = await locks.acquire(request("a", { ttlMs, detached: true }));
      await until(() => systemClock.monotonic() > hold.deadline - ttlMs / 2);
      const renewed = await locks.renew("a", hold.token);
      expect(renewed.deadline).toBeGreaterThan(hold.deadline);
      const next = await others.acquire(request("a", { waitMs: ttlMs * 4 }));
      expect(systemClock.monotonic()).toBeGreaterThanOrEqual(renewed.deadline - 1);
      expect(next.grant).toBeGreaterThan(hold.grant);
      await expect(locks.renew("a", hold.token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
    });

    it("is left to its token when asked for, also after a wait", async () => {
      const free = await locks.acquire(request("free", { detached: true, waitMs: 10_000 }));
      expect((await others.inspect("free"))?.holder).toMatchObject({ lease: free.lease, detached: true });

      const first = await locks.acquire(request("a"));
      const waiting = others.acquire(request("a", { detached: true, waitMs: Number.POSITIVE_INFINITY }));
      await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
      await locks.release("a", first.token);
      const hold = await waiting;
      expect((await locks.inspect("a"))?.holder).toMatchObject({ lease: hold.lease, detached: true });
      expect((await locks.renew("a", hold.token)).ttlMs).toBe(30_000);
      await locks.release("a", hold.token);
    });

    it("waits until it is released, and says once for whom", async () => {
      const hold = await locks.acquire(request("a", { reason: "first" }));
      const told: string[] = [];
      const waiting = others.acquire(
        request("a", { waitMs: Number.POSITIVE_INFINITY, onWait: (by) => told.push(by.reason ?? "") }),
      );
      await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
      expect((await locks.list()).find((state) => state.name === "a")?.waiters).toHaveLength(1);
      await locks.release("a", hold.token);
      expect((await waiting).grant).toBeGreaterThan(hold.grant);
      expect(told).toEqual(["first"]);
    });

    it("keeps the place of a waiter longer than its TTL", async () => {
      const ttlMs = Math.max(300, locks.capabilities.minTtlMs);
      const hold = await locks.acquire(request("a"));
      const waiting = others.acquire(request("a", { ttlMs, waitMs: Number.POSITIVE_INFINITY }));
      const start = performance.now();
      await until(() => performance.now() - start > ttlMs * 3, ttlMs * 5);
      await locks.release("a", hold.token);
      expect((await waiting).ttlMs).toBe(ttlMs);
    });

    it("gives up after the wait, at once when aborted, and leaves nothing in the queue", async () => {
      const hold = await locks.acquire(request("a"));
      const start = performance.now();
      // Whoever waited in vain is not counted among those who wait.
      await expect(others.acquire(request("a", { waitMs: 200 }))).rejects.toMatchObject({
        code: "LOCK_HELD",
        details: { holders: 1, waiters: 0 },
      });
      expect(performance.now() - start).toBeGreaterThanOrEqual(195);
      const abort = new AbortController();
      const waiting = others.acquire(
        request("a", { waitMs: Number.POSITIVE_INFINITY, signal: abort.signal }),
      );
      await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
      abort.abort(new Error("enough"));
      await expect(waiting).rejects.toThrow("enough");
      expect((await locks.inspect("a"))?.waiters).toEqual([]);
      await locks.release("a", hold.token);
      expect(await locks.inspect("a")).toBeNull();
    });

    it("excludes, with fences that rise and, where declared, first come first served", async () => {
      const order: number[] = [];
      const fences: number[] = [];
      let inside = 0;
      const first = await locks.acquire(request("a"));
      const runs: Promise<void>[] = [];
      for (let i = 0; i < 12; i++) {
        const by = i % 2 === 0 ? locks : others;
        runs.push(
          (async () => {
            const hold = await by.acquire(request("a", { waitMs: Number.POSITIVE_INFINITY }));
            expect(++inside).toBe(1);
            order.push(i);
            fences.push(hold.grant);
            await new Promise((resolve) => setTimeout(resolve, 2));
            inside--;
            await by.release("a", hold.token);
          })(),
        );
        await until(async () => (await locks.inspect("a"))?.waiters.length === i + 1);
      }
      await locks.release("a", first.token);
      await Promise.all(runs);
      expect(fences).toEqual([...fences].sort((x, y) => x - y));
      if (locks.capabilities.fifo) expect(order).toEqual([...order].sort((x, y) => x - y));
    });

    it("keeps names apart: a is not a/b", async () => {
      await locks.acquire(request("a/b"));
      await locks.acquire(request("a"));
      await locks.acquire(request("a/b/c d é 😀"));
      expect((await others.list()).map((state) => state.name)).toEqual(["a", "a/b", "a/b/c d é 😀"]);
    });

    it("takes a name that looks like a place in the queue of another", async () => {
      const inner = await locks.acquire(request("a/0123456789abcdef"));
      await locks.acquire(request("a/1f"));
      expect(await others.inspect("a")).toBeNull();
      const outer = await others.acquire(request("a"));
      expect((await others.list()).map((state) => [state.name, state.waiters.length])).toEqual([
        ["a", 0],
        ["a/0123456789abcdef", 0],
        ["a/1f", 0],
      ]);
      await locks.release("a/0123456789abcdef", inner.token);
      expect((await others.inspect("a"))?.holder.lease).toBe(outer.lease);
    });

    it.each(["", "/a", "a/", "a//b", "a\nb", "a\u0000", " a", "a\u2028b", "x".repeat(513)])(
      "refuses the name %j",
      async (bad) => {
        await expect(locks.acquire(request(bad))).rejects.toMatchObject({ code: "NAME_INVALID" });
        await expect(locks.inspect(bad)).rejects.toMatchObject({ code: "NAME_INVALID" });
      },
    );

    it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuses the TTL %d", async (ttlMs) => {
      await expect(locks.acquire(request("a", { ttlMs }))).rejects.toMatchObject({ code: "TTL_INVALID" });
    });

    it("grants whole milliseconds, and says how long a TTL may be", async () => {
      expect((await locks.acquire(request("a", { ttlMs: 30_000.4 }))).ttlMs).toBe(30_001);
      const { maxTtlMs } = locks.capabilities;
      await expect(locks.acquire(request("b", { ttlMs: maxTtlMs + 1 }))).rejects.toMatchObject({
        code: "TTL_INVALID",
        message: expect.stringContaining("at most"),
      });
    });

    it("tells the holder when the hold is gone", async () => {
      const hold = await locks.acquire(request("a"));
      let gone = false;
      const told = locks.gone("a", hold.token, stop.signal).then(() => {
        gone = true;
      });
      await locks.renew("a", hold.token);
      expect(gone).toBe(false);
      await others.release("a", hold.token);
      await told;
      expect(gone).toBe(true);
    });

    it("can be watched: who acquires, waits and releases", async () => {
      const events: LockEvent[] = [];
      const held = await locks.acquire(request("a"));
      const done = (async () => {
        for await (const event of others.watch("a", stop.signal)) events.push(event);
      })();
      const says = () => events.map((event) => event.type).join(" ");
      await until(() => says() === "acquired");
      await locks.acquire(request("elsewhere"));
      const waiting = others.acquire(request("a", { waitMs: Number.POSITIVE_INFINITY }));
      await until(() => says() === "acquired waiting");
      await locks.release("a", held.token);
      const next = await waiting;
      await until(() => says() === "acquired waiting released acquired");
      await others.release("a", next.token);
      await until(() => says() === "acquired waiting released acquired released");
      expect(new Set(events.map((event) => event.name))).toEqual(new Set(["a"]));
      stop.abort();
      await done;
    });

    notesSuite(() => ({ locks, others, stop }));
    modesSuite(() => ({ locks, others, stop }), modes);
  });
}
