import { describe, expect, it } from "vitest";
import {
  callOf,
  change,
  type JournalHarness,
  journalPerTest,
  LONG,
  made,
  OTHERS,
  read,
  withCall,
} from "./journal-harness.ts";

/** What `commit` promises of many runs at once. */
export function batchSuite(setUp: () => Promise<JournalHarness>): void {
  describe("many runs", () => {
    const two = journalPerTest(setUp);

    it("become each what its change says, in one transaction", async () => {
      const [held, later, parked, undone] = [
        await made(two.journal, { lease: LONG }),
        await made(two.journal, { lease: LONG }),
        await made(two.journal, { lease: LONG }),
        await made(two.journal, { lease: LONG }),
      ];
      const at = (await two.journal.now()) + 500_000;
      const cause = { type: "failed", step: "charge", message: "no 'money'" } as const;
      const turned = { status: "compensated", direction: "undo", cause } as const;
      const { results, now } = await two.journal.commit(
        [
          change(undone, { state: { ...undone.state, ...turned }, due: { kind: "ended" } }),
          change(held),
          change(later, { due: { kind: "at", at } }),
          change(parked, { state: { ...parked.state, status: "parked" }, due: { kind: "parked" } }),
        ],
        LONG,
      );
      expect(results).toEqual(["held", "held", "held", "held"]);
      const written = await Promise.all(
        [held, later, parked, undone].map((run) => read(two.other, run.state.runId)),
      );
      expect(written).toEqual([
        { ...held, seq: 2, dueAt: now + LONG.leaseMs, updatedAt: now },
        { ...later, seq: 2, dueAt: at, owner: null, updatedAt: now },
        {
          ...parked,
          ...{ seq: 2, dueAt: null, owner: null, updatedAt: now },
          state: { ...parked.state, status: "parked" },
        },
        {
          ...undone,
          ...{ seq: 2, dueAt: null, owner: null, updatedAt: now },
          state: { ...undone.state, ...turned },
        },
      ]);
      expect((await two.other.claim({ ...OTHERS, limit: 9 })).runs).toEqual([]);
    });

    it("500 go their way in batches, and none is lost", async () => {
      const COUNT = 500;
      await Promise.all(
        Array.from({ length: COUNT }, (_, index) => made(index % 2 === 0 ? two.journal : two.other)),
      );
      let seen = 0;
      for (;;) {
        const { runs } = await two.other.claim({ ...LONG, limit: 64 });
        if (runs.length === 0) break;
        seen += runs.length;
        const changes = runs.map((run) => {
          const state = withCall({ ...run.state, status: "completed" }, "accept", "do", { status: "done" });
          return change(run, { state, calls: [callOf(state, "accept", "do")], due: { kind: "ended" } });
        });
        const { results } = await two.other.commit(changes, LONG);
        expect(new Set(results)).toEqual(new Set(["held"]));
      }
      expect(seen).toBe(COUNT);
      expect(await two.journal.counts()).toEqual({ completed: COUNT });
    });
  });
}
