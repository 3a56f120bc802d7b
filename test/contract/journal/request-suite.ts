import { describe, expect, it } from "vitest";
import { DcsError } from "../../../src/core/errors.ts";
import type { OperatorEvent } from "../../../src/core/saga/journal/journal.ts";
import {
  AUDIT,
  CANCEL,
  change,
  type JournalHarness,
  journalPerTest,
  LONG,
  made,
  OTHERS,
  read,
  stateOf,
  withCall,
} from "./journal-harness.ts";

const EVENTS: readonly OperatorEvent[] = [
  { type: "cancelled", message: "größer 😀" },
  { type: "compensated", message: "" },
  { type: "resumed" },
  { type: "resolved", step: "charge", direction: "undo", as: "not-done", output: { evidence: [null, "😀"] } },
  {
    type: "replayed",
    input: { sku: "b" },
    steps: withCall(stateOf(), "charge", "do", { generation: 2 }).steps,
  },
];

/** What `request` promises. */
export function requestSuite(setUp: () => Promise<JournalHarness>): void {
  describe("requests", () => {
    const two = journalPerTest(setUp);

    it("are decided on what stands, and written with audit and event", async () => {
      const run = await made(two.journal, { lease: LONG });
      const { runId } = run.state;
      let shown: unknown;
      const after = await two.other.request(runId, (seen) => {
        shown = seen;
        return CANCEL;
      });
      expect(shown).toEqual(run);
      const at = after.updatedAt;
      expect(at).toBeGreaterThanOrEqual(run.createdAt);
      const requests = [{ id: expect.any(Number), event: CANCEL.event, at }];
      expect(after).toEqual({ ...run, seq: 2, updatedAt: at, requests });
      expect(await read(two.journal, runId)).toEqual(after);
      expect(await two.journal.audits(runId)).toEqual([{ ...AUDIT, id: expect.any(Number), runId, at }]);
      const events = await two.journal.events(runId);
      expect(events).toHaveLength(2);
      expect(events[1]).toMatchObject({ seq: 2, epoch: 1, at, events: [{ type: "requested" }] });
      expect(events[1]?.events[0]?.message).toContain("kim@host: ordered twice");
    });

    it.each(EVENTS.map((event) => [event.type, event] as const))(
      "keep what they ask for: %s",
      async (_, event) => {
        const { state } = await made(two.journal);
        await two.other.request(state.runId, () => ({ event, audit: AUDIT }));
        expect((await read(two.journal, state.runId)).requests).toMatchObject([{ event }]);
      },
    );

    it("that are refused write nothing", async () => {
      const run = await made(two.journal, { lease: LONG });
      const refusal = new DcsError("RUN_STATE", "it is completed");
      const refused = two.other.request(run.state.runId, () => {
        throw refusal;
      });
      await expect(refused).rejects.toBe(refusal);
      expect(await read(two.journal, run.state.runId)).toEqual(run);
      expect(await two.journal.audits(run.state.runId)).toEqual([]);
      expect(await two.journal.events(run.state.runId)).toHaveLength(1);
    });

    it("that are refused do not refuse what is asked at the same time", async () => {
      const [first, second] = [await made(two.journal), await made(two.journal)];
      const results = await Promise.allSettled([
        two.journal.request(first.state.runId, () => {
          throw new DcsError("RUN_STATE", "no");
        }),
        two.journal.request(second.state.runId, () => CANCEL),
      ]);
      expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
      expect(await two.other.audits(second.state.runId)).toHaveLength(1);
    });

    it("of a run that never was say so", async () => {
      await expect(two.journal.request("none", () => CANCEL)).rejects.toMatchObject({
        code: "RUN_NOT_FOUND",
      });
    });

    it("leave the lease with whoever has it", async () => {
      const run = await made(two.journal, { lease: LONG });
      const after = await two.other.request(run.state.runId, () => CANCEL);
      expect(after).toMatchObject({ owner: LONG.owner, dueAt: run.dueAt, epoch: 1 });
      expect((await two.other.claim({ ...OTHERS, limit: 1 })).runs).toEqual([]);
    });

    it.each([
      ["is parked", { kind: "parked" }, "parked"],
      ["has ended", { kind: "ended" }, "completed"],
      ["waits for its time", { kind: "at", at: 4_000_000_000_000 }, "running"],
    ] as const)("wake a run that %s", async (_what, due, status) => {
      const run = await made(two.journal, { lease: LONG });
      await two.journal.commit([change(run, { state: { ...run.state, status }, due })], LONG);
      expect((await two.other.claim({ ...OTHERS, limit: 1 })).runs).toEqual([]);
      const woken = await two.other.request(run.state.runId, () => CANCEL);
      expect(woken).toMatchObject({ owner: null, dueAt: woken.updatedAt, seq: 3 });
      const { runs } = await two.other.claim({ ...OTHERS, limit: 1 });
      expect(runs).toMatchObject([{ epoch: 2, seq: 3, requests: [{ event: CANCEL.event }] }]);
      const [taken] = runs;
      if (taken === undefined) throw new Error("not claimed");
      const ended = change(taken, { due: { kind: "ended" }, takenUp: taken.requests[0]?.id ?? 0 });
      expect((await two.other.commit([ended], OTHERS)).results).toEqual(["held"]);
      expect(await read(two.journal, run.state.runId)).toMatchObject({
        dueAt: null,
        owner: null,
        requests: [],
      });
    });

    it("are gone when a transition has taken them up, and only those", async () => {
      const { state } = await made(two.journal, { lease: LONG });
      await two.other.request(state.runId, () => CANCEL);
      const seen = await two.other.request(state.runId, () => ({ event: { type: "resumed" }, audit: AUDIT }));
      const [first, second] = seen.requests;
      expect((first?.id ?? 0) < (second?.id ?? 0)).toBe(true);
      await two.journal.commit([change(seen, { takenUp: first?.id ?? 0 })], LONG);
      const rest = await read(two.other, state.runId);
      expect(rest.requests).toEqual([second]);
      await two.journal.commit([change(rest, { takenUp: second?.id ?? 0 })], LONG);
      expect((await read(two.other, state.runId)).requests).toEqual([]);
      expect(await two.other.audits(state.runId)).toHaveLength(2);
    });

    it("stay where the commit that would take them up is refused", async () => {
      const run = await made(two.journal, { lease: LONG });
      const seen = await two.other.request(run.state.runId, () => CANCEL);
      const stale = change(run, { takenUp: seen.requests[0]?.id ?? 0 });
      expect((await two.journal.commit([stale], LONG)).results).toEqual(["moved"]);
      expect((await read(two.other, run.state.runId)).requests).toEqual(seen.requests);
    });

    it("of other runs are not taken up with them", async () => {
      const [run, other] = [
        await made(two.journal, { lease: LONG }),
        await made(two.journal, { lease: LONG }),
      ];
      await two.other.request(other.state.runId, () => CANCEL);
      const seen = await two.other.request(run.state.runId, () => CANCEL);
      await two.journal.commit([change(seen, { takenUp: seen.requests[0]?.id ?? 0 })], LONG);
      expect((await read(two.other, other.state.runId)).requests).toHaveLength(1);
    });

    it("of a run that has ended are refused while a replay of it lives", async () => {
      const run = await made(two.journal, { state: stateOf({ status: "completed" }) });
      const { runId } = run.state;
      const child = await made(two.journal, {
        state: stateOf({ rootId: runId, parentRun: runId }),
        calls: [],
      });
      await expect(two.other.request(runId, () => CANCEL)).rejects.toMatchObject({
        code: "RUN_MOVED",
        details: { run: child.state.runId, root: runId },
      });
      expect(await read(two.journal, runId)).toEqual(run);
      expect(await two.journal.audits(runId)).toEqual([]);
      await two.other.request(child.state.runId, () => CANCEL);
      expect(await read(two.journal, child.state.runId)).toMatchObject({ seq: 2 });
    });

    it("of many operators at once all count, with events without gaps", async () => {
      const run = await made(two.journal, { lease: LONG });
      const { runId } = run.state;
      const asked = Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? two.journal : two.other).request(runId, () => CANCEL),
      );
      const ids = (await Promise.all(asked)).map(({ requests }) => requests.length);
      expect(new Set(ids).size).toBe(20);
      const events = await two.journal.events(runId);
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
      const audits = await two.journal.audits(runId);
      expect(audits.map(({ id }) => id)).toEqual(audits.map(({ id }) => id).sort((a, b) => a - b));
      expect(audits).toHaveLength(20);
    });
  });
}
