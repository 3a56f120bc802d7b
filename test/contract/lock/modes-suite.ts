import { describe, expect, it } from "vitest";
import type { LockMode } from "../../../src/core/lock/lock.ts";
import { againSuite } from "./entered-again-suite.ts";
import { request, type Two } from "./lock-harness.ts";
import { ALL_MODES, as, refusal, SHARED, slots } from "./modes.ts";
import { sharedSuite } from "./shared-suite.ts";
import { slotsSuite } from "./slots-suite.ts";
import { unfairSuite } from "./unfair-suite.ts";

/** Locks that several hold, holds that are entered again, and the way past the queue. */
export function modesSuite(two: () => Two, modes: readonly LockMode["type"][]): void {
  describe("modes", () => {
    it("are those that are declared, and others are refused", async () => {
      const { locks } = two();
      expect(locks.capabilities.modes).toEqual(modes);
      for (const type of ALL_MODES) {
        const mode: LockMode = type === "slots" ? slots(2) : { type };
        const taken = locks.acquire(request(type, { mode }));
        if (modes.includes(type)) expect(await taken).toMatchObject({ mode, reentered: false });
        else await expect(taken).rejects.toMatchObject({ code: "LOCK_MODE_UNSUPPORTED" });
      }
    });

    it("of no or half a slot are refused", async () => {
      for (const count of [0, -1, 1.5, Number.NaN, 1e7]) {
        await expect(two().locks.acquire(as(slots(count)))).rejects.toMatchObject({
          code: expect.any(String),
        });
      }
    });
  });

  if (modes.includes("shared")) sharedSuite(two);
  if (modes.includes("slots")) slotsSuite(two);
  if (modes.length > 1) mixedSuite(two);
  againSuite(two, modes);
  unfairSuite(two, modes);
}

function mixedSuite(two: () => Two): void {
  const shown = (mode: LockMode) => ({
    mode: mode.type,
    slots: mode.type === "slots" ? mode.slots : null,
  });

  it.each<[LockMode, LockMode]>([
    [slots(2), { type: "exclusive" }],
    [slots(2), SHARED],
    [slots(2), slots(3)],
    [{ type: "exclusive" }, slots(1)],
    [SHARED, slots(2)],
  ])("held as %j is refused as %j, and nothing is left of that", async (held, asked) => {
    const { locks, others } = two();
    const hold = await locks.acquire(as(held));
    for (const over of [{}, { waitMs: 20_000 }, { waitMs: 20_000, fair: false }]) {
      expect(await refusal(others.acquire(as(asked, over)))).toMatchObject({
        code: "LOCK_MODE_MIXED",
        details: { held: shown(held), asked: shown(asked) },
      });
    }
    expect(await others.inspect("a")).toMatchObject({ holders: [{ lease: hold.lease }], waiters: [] });
    await locks.release("a", hold.token);
    await others.acquire(as(asked));
  });
}
