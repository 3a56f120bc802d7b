import { describe, expect, it } from "vitest";
import { callId, type RunRecord } from "../../../src/core/saga/journal/journal.ts";
import { randomHex } from "../../../src/core/util/ids.ts";
import {
  CANCEL,
  callOf,
  callsOf,
  change,
  held,
  type JournalHarness,
  journalPerTest,
  LONG,
  made,
  OTHERS,
  past,
  read,
  SHORT,
  STEPS,
  stateOf,
  withCall,
} from "./journal-harness.ts";

/** What `commit` promises. */
export function commitSuite(setUp: () => Promise<JournalHarness>): void {
  describe("commits", () => {
    const two = journalPerTest(setUp);

    it("write a transition, and keep the lease", async () => {
      const run = await made(two.journal, { lease: LONG });
      const error = { kind: "unknown", message: "größer 😀" } as const;
      const call = {
        status: "unknown",
        asks: "probe",
        attempts: 3,
        forgiven: 2,
        probes: 1,
        notBefore: 1_700_000_000_001,
        firstSentAt: 1_700_000_000_002,
        deadlineAt: 1_700_000_000_003,
        everUnknown: true,
        error,
      } as const;
      const cause = { type: "cancelled", step: null, message: "größer 😀" } as const;
      const state = {
        ...withCall(withCall(run.state, "charge", "do", call), "reserve", "undo", { status: "skipped" }),
        status: "compensating",
        direction: "undo",
        cause,
      } as const;
      const inputHash = "cd".repeat(32);
      const calls = [callOf(state, "charge", "do", { inputHash }), callOf(state, "reserve", "undo")];
      const { results, now } = await two.journal.commit([change(run, { state, calls })], LONG);
      expect(results).toEqual(["held"]);
      expect(await read(two.other, run.state.runId)).toEqual({
        ...run,
        state,
        seq: 2,
        dueAt: now + LONG.leaseMs,
        updatedAt: now,
        inputHashes: { [callId("charge", "do")]: inputHash },
      });
    });

    it("keep the hash of the request that an attempt was begun with", async () => {
      const run = await made(two.journal, { lease: LONG });
      const calls = [callOf(run.state, "charge", "do", { inputHash: "cd".repeat(32) })];
      await two.journal.commit([change(run, { calls })], LONG);
      const again = await read(two.journal, run.state.runId);
      const state = withCall(again.state, "charge", "do", { status: "done", output: { id: 1 } });
      await two.journal.commit([change(again, { state, calls: [callOf(state, "charge", "do")] })], LONG);
      const after = await read(two.other, run.state.runId);
      expect(after.inputHashes).toEqual({ [callId("charge", "do")]: "cd".repeat(32) });
      expect(after.state).toEqual(state);
    });

    it("begin a new generation beside the one before, and show the highest, in the same place", async () => {
      const first = withCall(stateOf(), "reserve", "do", { status: "done", attempts: 2, output: "old" });
      const run = await made(two.journal, { state: first, lease: LONG });
      const state = withCall(first, "reserve", "do", {
        generation: 2,
        status: "intent",
        attempts: 1,
        output: null,
      });
      const calls = [callOf(state, "reserve", "do", { inputHash: "ef".repeat(32) })];
      await two.journal.commit([change(run, { state, calls })], LONG);
      const after = await read(two.other, run.state.runId);
      expect(after.state).toEqual(state);
      expect(Object.keys(after.state.steps)).toEqual(STEPS);
      expect(after.inputHashes).toEqual({ [callId("reserve", "do")]: "ef".repeat(32) });
    });

    it("never give a generation to a second run, and go on with the others", async () => {
      const runId = randomHex(8);
      const ended = stateOf({ rootId: runId, parentRun: runId, status: "completed" });
      const child = withCall(ended, "charge", "do", { generation: 2 });
      const calls = callsOf(child, (step, direction) => ({ isOwn: step === "charge" && direction === "do" }));
      await made(two.journal, { state: child, calls });
      const parent = await made(two.journal, { lease: LONG, state: stateOf({ runId, rootId: runId }) });
      const other = await made(two.journal, { lease: LONG });
      const state = withCall(parent.state, "charge", "do", { generation: 2, status: "intent" });
      const changes = [change(parent, { state, calls: [callOf(state, "charge", "do")] }), change(other)];
      expect((await two.journal.commit(changes, LONG)).results).toEqual(["lost", "held"]);
      expect(await read(two.other, runId)).toEqual(parent);
      expect(await two.other.events(runId)).toHaveLength(1);
    });

    it("keep another input where a transition changes it", async () => {
      const run = await made(two.journal, { lease: LONG });
      const state = { ...run.state, input: { sku: "größer 😀", list: [1, null] } };
      await two.journal.commit([change(run, { state })], LONG);
      expect((await read(two.other, run.state.runId)).state).toEqual(state);
    });

    it("let the run go at a time", async () => {
      const run = await made(two.journal, { lease: LONG });
      const at = (await two.journal.now()) + 500_000;
      await two.journal.commit([change(run, { due: { kind: "at", at } })], LONG);
      expect(await read(two.other, run.state.runId)).toMatchObject({
        owner: null,
        dueAt: at,
        epoch: 1,
        seq: 2,
      });
      const again = await two.journal.commit([change({ ...run, seq: 2 })], LONG);
      expect(again.results).toEqual(["lost"]);
    });

    it("do not put off what was asked for and not taken up", async () => {
      for (const due of [
        { kind: "parked" },
        { kind: "at", at: (await two.journal.now()) + 500_000 },
      ] as const) {
        const run = await made(two.journal, { lease: LONG });
        await two.other.request(run.state.runId, () => CANCEL);
        await two.journal.commit([change(await read(two.journal, run.state.runId), { due })], LONG);
        expect((await two.other.claim({ ...OTHERS, limit: 9 })).runs).toHaveLength(1);
      }
    });

    it("go through after the lease has run out, as long as nobody has claimed the run", async () => {
      const run = await made(two.journal, { lease: SHORT });
      await past(two.journal, run.dueAt ?? 0);
      const { results, now } = await two.journal.commit([change(run)], LONG);
      expect(results).toEqual(["held"]);
      expect((await read(two.other, run.state.runId)).dueAt).toBe(now + LONG.leaseMs);
    });

    it("are lost once another has claimed the run, and write nothing", async () => {
      const run = await made(two.journal, { lease: SHORT });
      await past(two.journal, run.dueAt ?? 0);
      const [taken] = (await two.other.claim({ ...OTHERS, limit: 1 })).runs;
      const state = withCall(run.state, "charge", "do", { status: "intent" });
      const late = change(run, { state, calls: [callOf(state, "charge", "do")], due: { kind: "ended" } });
      expect((await two.journal.commit([late], LONG)).results).toEqual(["lost"]);
      expect(await read(two.journal, run.state.runId)).toEqual(taken);
      expect(await two.journal.events(run.state.runId)).toHaveLength(1);
    });

    it("are lost for a run that has ended, and for one that never was", async () => {
      const run = await made(two.journal, { lease: LONG });
      await two.journal.commit([change(run, { due: { kind: "ended" } })], LONG);
      const missing = stateOf();
      const changes = [
        change({ ...run, seq: 2 }),
        change({ runId: missing.runId, epoch: 1, seq: 1, state: missing }),
      ];
      expect((await two.journal.commit(changes, LONG)).results).toEqual(["lost", "lost"]);
    });

    it("are refused as moved when an operator was quicker, and apply after reading again", async () => {
      const run = await made(two.journal, { lease: LONG });
      await two.other.request(run.state.runId, () => CANCEL);
      expect((await two.journal.commit([change(run)], LONG)).results).toEqual(["moved"]);
      const again = await read(two.journal, run.state.runId);
      expect(again).toMatchObject({ seq: 2, epoch: 1, owner: LONG.owner });
      expect((await two.journal.commit([change(again)], LONG)).results).toEqual(["held"]);
    });

    it("of many runs stand each for itself, in the order given", async () => {
      const runs = await Promise.all(Array.from({ length: 9 }, () => made(two.journal, { lease: LONG })));
      const [lost, moved] = [runs[2], runs[5]] as [RunRecord, RunRecord];
      await two.journal.release([held(lost)], null);
      await two.other.claim({ ...OTHERS, limit: 1, runId: lost.state.runId });
      await two.other.request(moved.state.runId, () => CANCEL);
      const { results, now } = await two.journal.commit(
        runs.map((run) => {
          const state = withCall(run.state, "charge", "do", { status: "done", output: run.state.runId });
          return change(run, { state, calls: [callOf(state, "charge", "do")] });
        }),
        LONG,
      );
      const expected = runs.map((run) => (run === lost ? "lost" : run === moved ? "moved" : "held"));
      expect(results).toEqual(expected);
      for (const [index, run] of runs.entries()) {
        const after = await read(two.other, run.state.runId);
        const isHeld = expected[index] === "held";
        expect(after.state.steps["charge"]?.do.output).toBe(isHeld ? run.state.runId : null);
        if (isHeld) expect(after).toMatchObject({ seq: 2, updatedAt: now });
      }
    });

    it("of nothing say the time", async () => {
      const before = await two.journal.now();
      const { results, now } = await two.journal.commit([], LONG);
      expect(results).toEqual([]);
      expect(now).toBeGreaterThanOrEqual(before);
    });

    it("count once when the same transaction comes again, whatever has become of the run", async () => {
      const run = await made(two.journal, { lease: LONG });
      const parked = change(run, { due: { kind: "parked" } });
      expect((await two.journal.commit([parked], LONG)).results).toEqual(["held"]);
      expect((await two.other.commit([parked], LONG)).results).toEqual(["held"]);
      await two.other.request(run.state.runId, () => CANCEL);
      const [taken] = (await two.other.claim({ ...OTHERS, limit: 1 })).runs;
      expect((await two.journal.commit([parked], LONG)).results).toEqual(["held"]);
      expect(await read(two.other, run.state.runId)).toEqual(taken);
      expect(await two.other.events(run.state.runId)).toHaveLength(3);
    });

    it("of which one is there already go through with the others", async () => {
      const [first, second] = [
        await made(two.journal, { lease: LONG }),
        await made(two.journal, { lease: LONG }),
      ];
      const [one, another] = [change(first), change(second)];
      await two.journal.commit([one], LONG);
      expect((await two.journal.commit([one, another], LONG)).results).toEqual(["held", "held"]);
      expect(await read(two.other, first.state.runId)).toMatchObject({ seq: 2 });
      expect(await read(two.other, second.state.runId)).toMatchObject({ seq: 2 });
    });

    it("that race for one run leave one winner a seq, and events without gaps", async () => {
      const run = await made(two.journal, { lease: LONG });
      const { runId } = run.state;
      let wins = 0;
      for (let round = 0; round < 10; round++) {
        const now = await read(two.journal, runId);
        const results = await Promise.all(
          Array.from({ length: 6 }, (_, index) =>
            (index % 2 === 0 ? two.journal : two.other).commit([change(now)], LONG),
          ),
        );
        const standings = results.flatMap((each) => each.results);
        expect(standings.filter((standing) => standing === "held")).toHaveLength(1);
        expect(standings.filter((standing) => standing === "moved")).toHaveLength(5);
        wins++;
      }
      const events = await two.other.events(runId);
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: wins + 1 }, (_, index) => index + 1));
    });

    it("write down what happened, when, and at which epoch", async () => {
      const run = await made(two.journal, { lease: LONG });
      const events = [
        { type: "done", step: "charge", direction: "undo", attempt: 12, message: "größer 😀" },
        { type: "completed" },
      ] as const;
      const one = change(run, { events });
      const { now } = await two.journal.commit([one], LONG);
      const all = await two.other.events(run.state.runId);
      expect(all[1]).toEqual({ seq: 2, epoch: 1, txid: one.txid, at: now, events });
    });
  });
}
