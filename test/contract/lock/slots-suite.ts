import { describe, expect, it } from "vitest";
import type { Hold } from "../../../src/core/lock/lock.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { until } from "../../support/until.ts";
import type { Two } from "./lock-harness.ts";
import { as, FOREVER, Room, SHARED, slots, waitersAre } from "./modes.ts";

/** So many holders at a time. */
export function slotsSuite(two: () => Two): void {
  describe("slots", () => {
    it("are held by so many and no more, without a fence", async () => {
      const { locks, others } = two();
      const holds = [await locks.acquire(as(slots(2))), await others.acquire(as(slots(2)))];
      expect(holds).toMatchObject([{ fence: null }, { fence: null }]);
      await expect(others.acquire(as(slots(2)))).rejects.toMatchObject({
        code: "LOCK_HELD",
        details: { holders: 2, fence: null },
      });
      await expect(others.acquire(as(slots(2), { waitMs: 100 }))).rejects.toMatchObject({
        code: "LOCK_HELD",
      });
      expect(await others.inspect("a")).toMatchObject({
        mode: slots(2),
        holder: { lease: holds[0]?.lease, fence: null, holder: { pid: 4711 } },
        holders: [{}, { lease: holds[1]?.lease }],
        waiters: [],
      });
      expect((await others.list())[0]?.holders).toHaveLength(2);
      await others.release("a", holds[1]?.token ?? "");
      await locks.acquire(as(slots(2)));
    });

    it("go to those who wait, in order where declared, whoever leaves", async () => {
      const { locks, others } = two();
      const holds: Hold[] = [];
      for (let i = 0; i < 3; i++) holds.push(await locks.acquire(as(slots(3))));
      const order: number[] = [];
      const waiting = [];
      for (let i = 0; i < 3; i++) {
        waiting.push(others.acquire(as(slots(3), { waitMs: FOREVER })).then(() => order.push(i)));
        await waitersAre(locks, i + 1);
      }
      // The last first: none of the waiters stands right behind it.
      for (const [i, hold] of holds.reverse().entries()) {
        await locks.release("a", hold.token);
        await until(() => order.length === i + 1);
      }
      await Promise.all(waiting);
      if (locks.capabilities.fifo) expect(order).toEqual([0, 1, 2]);
      expect(await locks.inspect("a")).toMatchObject({ holders: [{}, {}, {}], waiters: [] });
    });

    it("are never more, and are all used, whatever comes", async () => {
      const { locks, others } = two();
      const room = new Room(3);
      const visits = Array.from({ length: 24 }, async (_, i) => {
        const by = i % 2 === 0 ? locks : others;
        const hold = await by.acquire(as(slots(3), { waitMs: FOREVER, fair: i % 6 !== 5 }));
        await room.visit(SHARED);
        await by.release("a", hold.token);
      });
      await Promise.all(visits);
      expect(room.most).toBe(3);
      expect(await locks.inspect("a")).toBeNull();
    });

    it("come free one by one: by its TTL, by its token, by force", async () => {
      const { locks, others, stop } = two();
      const ttlMs = Math.max(600, locks.capabilities.minTtlMs);
      const dying = await locks.acquire(as(slots(3), { ttlMs, detached: true }));
      const kept = await locks.acquire(as(slots(3)));
      const broken = await others.acquire(as(slots(3)));
      const gone = locks.gone("a", broken.token, stop.signal);
      const still = locks.gone("a", kept.token, stop.signal).then(() => "gone");
      const next = await others.acquire(as(slots(3), { waitMs: ttlMs * 4 }));
      expect(systemClock.monotonic()).toBeGreaterThanOrEqual(dying.deadline - 1);
      await expect(locks.renew("a", dying.token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
      await expect(locks.release("a", dying.token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
      expect((await others.renew("a", kept.token)).ttlMs).toBe(30_000);

      const seen = (await others.inspect("a"))?.holders.find(({ lease }) => lease === broken.lease);
      if (seen === undefined) throw new Error("it does not hold");
      const wanted = {
        verb: "break",
        reason: "why not",
        by: { host: "h", pid: 1, command: "" },
        at: 1,
      } as const;
      expect(await locks.notes.ask("a", seen, wanted)).toBe(true);
      expect(await others.notes.asked("a", broken.token, stop.signal)).toEqual(wanted);
      const unheard = others.notes.asked("a", kept.token, stop.signal);
      const waiting = others.acquire(as(slots(3), { waitMs: 20_000 }));
      await waitersAre(locks, 1);
      expect(await locks.breakHold("a", seen)).toBe(true);
      expect(await locks.breakHold("a", seen)).toBe(false);
      expect(await locks.notes.ask("a", seen, wanted)).toBe(false);
      await gone;
      const last = await waiting;
      await expect(locks.renew("a", broken.token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
      expect((await locks.inspect("a"))?.holders.map(({ lease }) => lease)).toEqual(
        [kept, next, last].map(({ lease }) => lease),
      );
      const moved = { host: "there", pid: 7, command: "moved", group: 8 };
      await others.setHolder("a", kept.token, moved);
      await expect(others.setHolder("a", broken.token, moved)).rejects.toMatchObject({
        code: "LOCK_NOT_OWNED",
      });
      expect(await Promise.race([still, locks.inspect("a").then(() => "still")])).toBe("still");
      stop.abort();
      expect(await unheard).toBeNull();
      for (const hold of [kept, next, last]) await locks.release("a", hold.token);
      expect(await locks.inspect("a")).toBeNull();
    });

    it("are told one by one to who watches", async () => {
      const { locks, others, stop } = two();
      const said: string[] = [];
      const first = await locks.acquire(as(slots(2)));
      void (async () => {
        for await (const event of others.watch("a", stop.signal)) said.push(event.type);
      })();
      await until(() => said.join(" ") === "acquired");
      const second = await locks.acquire(as(slots(2)));
      await until(() => said.join(" ") === "acquired acquired");
      await locks.release("a", first.token);
      await until(() => said.join(" ") === "acquired acquired released");
      await locks.release("a", second.token);
      await until(() => said.join(" ") === "acquired acquired released released");
    });

    it("are remembered without a fence, each once", async () => {
      const { locks, others } = two();
      const ended = {
        holder: null,
        reason: null,
        acquiredAt: 5,
        endedAt: 6,
        end: "released",
        ask: null,
      } as const;
      await locks.notes.write("a", { ...ended, fence: null, grant: 11 });
      await locks.notes.write("a", { ...ended, fence: null, grant: 12 });
      await locks.notes.write("a", { ...ended, fence: null, grant: 12, end: "lost" });
      expect((await others.notes.history("a")).map(({ grant, end }) => [grant, end])).toEqual([
        [12, "lost"],
        [11, "released"],
      ]);
    });
  });
}
