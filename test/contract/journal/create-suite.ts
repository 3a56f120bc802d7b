import { describe, expect, it } from "vitest";
import type { Json } from "../../../src/core/saga/definition/expression.ts";
import { type RunStatus, UNTOUCHED } from "../../../src/core/saga/engine/run-state.ts";
import { callId } from "../../../src/core/saga/journal/journal.ts";
import {
  AUDIT,
  callsOf,
  DEFINITION,
  type JournalHarness,
  journalPerTest,
  LONG,
  made,
  newRun,
  read,
  STEPS,
  stateOf,
  withCall,
} from "./journal-harness.ts";

const VALUES: readonly (readonly [string, Json])[] = [
  ["nothing", null],
  ["false", false],
  ["zero", 0],
  ["a fraction", -1.5e-7],
  ["the largest exact number", Number.MAX_SAFE_INTEGER],
  ["an empty text", ""],
  ["text of every kind", "größer 漢字 😀 \u0000 \u2028 ' \" \\ %_ \r\n"],
  ["what looks like JSON", '{"a":1}'],
  ["a large text", "é😀".repeat(200 * 171)],
  ["a deep list", Array.from({ length: 200 }).reduce<Json>((inner) => [inner], "deep")],
  ["keys in an order", { z: 1, a: { "": null, ключ: [1, "2", null, {}, []] } }],
];

/** What `create` and `putDefinition` promise. */
export function createSuite(setUp: () => Promise<JournalHarness>): void {
  describe("a new run", () => {
    const two = journalPerTest(setUp);

    it("keeps definitions for ever, and the first of a hash", async () => {
      await two.journal.putDefinition({ ...DEFINITION, body: "other", directory: "/elsewhere" });
      expect(await two.other.definition(DEFINITION.hash)).toEqual(DEFINITION);
      expect(await two.other.definition("00".repeat(32))).toBeNull();
    });

    it("is there for others with all that was given, due at once, nobody's", async () => {
      const before = await two.journal.now();
      const run = newRun({ businessKey: "order-1 größer" });
      const result = await two.journal.create(run);
      expect(result).toMatchObject({ created: true });
      const record = await read(two.other, run.state.runId);
      const createdAt = record.createdAt;
      expect(createdAt).toBeGreaterThanOrEqual(before);
      expect(result).toEqual({ created: true, now: createdAt });
      expect(record).toEqual({
        state: run.state,
        saga: "order",
        businessKey: "order-1 größer",
        owner: null,
        epoch: 0,
        seq: 1,
        dueAt: createdAt,
        claims: 0,
        createdAt,
        updatedAt: createdAt,
        requests: [],
        inputHashes: {},
      });
      expect(Object.keys(record.state.steps)).toEqual(STEPS);
    });

    it("is its maker's from the first moment with a lease", async () => {
      const begun = withCall(stateOf(), "reserve", "do", {
        status: "intent",
        attempts: 1,
        firstSentAt: 1_700_000_000_123,
        deadlineAt: 1_700_000_010_123,
        notBefore: 1_700_000_000_001,
      });
      const calls = callsOf(begun, (step, direction) =>
        step === "reserve" && direction === "do" ? { inputHash: "ab".repeat(32) } : {},
      );
      const run = await made(two.journal, { state: begun, calls, lease: LONG });
      expect(run).toMatchObject({ owner: LONG.owner, epoch: 1, seq: 1, claims: 0 });
      expect(run.dueAt).toBe(run.createdAt + LONG.leaseMs);
      expect(run.state).toEqual(begun);
      expect(run.inputHashes).toEqual({ [callId("reserve", "do")]: "ab".repeat(32) });
      expect((await two.other.claim({ owner: "b", leaseMs: 1000, limit: 10 })).runs).toEqual([]);
    });

    it("keeps the steps in their order, however many and whatever they are called", async () => {
      const names = Array.from({ length: 40 }, (_, index) => `s-${(index * 7) % 40}_x`);
      const steps = Object.fromEntries(names.map((name) => [name, { do: UNTOUCHED, undo: UNTOUCHED }]));
      const run = await made(two.journal, { state: stateOf({ steps }) });
      expect(Object.keys(run.state.steps)).toEqual(names);
    });

    it.each(VALUES)("keeps as input, as output and in an error: %s", async (_what, value) => {
      const message = typeof value === "string" ? value : "größer 😀";
      const done = withCall(stateOf({ input: value }), "reserve", "do", { status: "done", output: value });
      const failed = withCall(done, "charge", "do", { status: "failed", error: { kind: "failed", message } });
      const cause = { type: "failed", step: "charge", message } as const;
      const run = await made(two.journal, {
        state: { ...failed, cause, status: "compensating", direction: "undo" },
      });
      expect(run.state).toEqual({ ...failed, cause, status: "compensating", direction: "undo" });
      expect(JSON.stringify(run.state.input)).toBe(JSON.stringify(value));
    });

    it("begins its events with its own, and its audit with why", async () => {
      const events = [
        { type: "started" },
        { type: "began", step: "reserve", direction: "do", attempt: 1, message: "größer 😀" },
      ] as const;
      const input = newRun({ events, audit: AUDIT });
      await two.journal.create(input);
      const { runId } = input.state;
      const { createdAt } = await read(two.journal, runId);
      expect(await two.other.events(runId)).toEqual([
        { seq: 1, epoch: 0, txid: input.txid, at: createdAt, events },
      ]);
      expect(await two.other.audits(runId)).toEqual([
        { ...AUDIT, id: expect.any(Number), runId, at: createdAt },
      ]);
    });

    it.each(["completed", "compensated", "cancelled"] as const)("may be %s already", async (status) => {
      const run = await made(two.journal, { state: stateOf({ status }), lease: LONG });
      expect(run).toMatchObject({ owner: null, dueAt: null });
      const { runs, nextDueAt } = await two.other.claim({ ...LONG, limit: 10 });
      expect({ runs, nextDueAt }).toEqual({ runs: [], nextDueAt: null });
    });

    it("may be parked already", async () => {
      const run = await made(two.journal, { state: stateOf({ status: "parked" }), lease: LONG });
      expect(run).toMatchObject({ owner: null, dueAt: null });
    });
  });

  describe("a business key", () => {
    const two = journalPerTest(setUp);

    it("is taken once by a saga, and names the run that has it", async () => {
      const first = await made(two.journal, { businessKey: "order-1" });
      const second = newRun({ businessKey: "order-1" });
      expect(await two.other.create(second)).toEqual({ created: false, existing: first.state.runId });
      expect(await two.other.run(second.state.runId)).toBeNull();
      expect(await two.other.events(second.state.runId)).toEqual([]);
      expect(await made(two.journal, { businessKey: "order-1", saga: "refund" })).toMatchObject({
        saga: "refund",
      });
    });

    it("is compared to the letter", async () => {
      await made(two.journal, { businessKey: "order-a" });
      for (const businessKey of ["order-A", "order-á", "order-a ", " order-a", ""]) {
        expect(await made(two.journal, { businessKey })).toMatchObject({ businessKey });
      }
    });

    it("is not missed by runs without one", async () => {
      await made(two.journal);
      expect(await made(two.journal)).toMatchObject({ businessKey: null });
    });

    it("goes to one of many that ask at once", async () => {
      const asked = Array.from({ length: 20 }, (_, index) => {
        const journal = index % 2 === 0 ? two.journal : two.other;
        return journal.create(newRun({ businessKey: "order-1" }));
      });
      const results = await Promise.all(asked);
      expect(results.filter(({ created }) => created)).toHaveLength(1);
      const [only] = await two.journal.runs({ limit: 10 });
      for (const result of results) {
        if (!result.created) expect(result.existing).toBe(only?.state.runId);
      }
    });

    it("counts as created when the same transaction comes again", async () => {
      const run = newRun({ businessKey: "order-1", audit: AUDIT });
      await two.journal.create(run);
      expect(await two.other.create(run)).toMatchObject({ created: true });
      expect(await two.journal.events(run.state.runId)).toHaveLength(1);
      expect(await two.journal.audits(run.state.runId)).toHaveLength(1);
    });
  });

  describe("generations", () => {
    const two = journalPerTest(setUp);

    function child(generation: number, isOwn: boolean, parentRun: string, status: RunStatus = "completed") {
      const state = withCall(stateOf({ rootId: parentRun, parentRun, status }), "charge", "do", {
        generation,
      });
      const calls = callsOf(state, (step, direction) => ({
        isOwn: isOwn && step === "charge" && direction === "do",
      }));
      return newRun({ state, calls });
    }

    it("have one owner below a root: the second child is refused, and leaves nothing", async () => {
      const parent = await made(two.journal, { state: stateOf({ status: "completed" }) });
      const [first, second] = [child(2, true, parent.state.runId), child(2, true, parent.state.runId)];
      await two.journal.create(first);
      await expect(two.other.create(second)).rejects.toMatchObject({ code: "RUN_MOVED" });
      expect(await two.other.run(second.state.runId)).toBeNull();
      expect(await two.other.family(parent.state.runId)).toHaveLength(2);
      expect(await two.other.create(child(3, true, parent.state.runId))).toMatchObject({
        created: true,
      });
    });

    it("are for one child at a time: another is refused while one has not ended", async () => {
      const parent = await made(two.journal, { state: stateOf({ status: "completed" }) });
      const living = child(2, true, parent.state.runId, "parked");
      await two.journal.create(living);
      const refused = two.other.create(child(3, true, parent.state.runId, "running"));
      await expect(refused).rejects.toMatchObject({
        code: "RUN_MOVED",
        details: { run: living.state.runId, root: parent.state.runId },
      });
      expect(await two.other.family(parent.state.runId)).toHaveLength(2);
    });

    it("that were taken over belong to the parent, for any number of children", async () => {
      const parent = await made(two.journal, { state: stateOf({ status: "completed" }) });
      for (let count = 0; count < 3; count++) {
        const run = child(1, false, parent.state.runId);
        expect(await two.journal.create(run)).toMatchObject({ created: true });
        expect((await read(two.other, run.state.runId)).state).toEqual(run.state);
      }
    });

    it("are not taken over once another run began to undo them", async () => {
      const completed = stateOf({ status: "completed" });
      const undone = withCall(completed, "reserve", "undo", { status: "done", attempts: 1 });
      const parent = await made(two.journal, { state: undone });
      const run = child(2, true, parent.state.runId);
      await expect(two.other.create(run)).rejects.toMatchObject({
        code: "RUN_MOVED",
        details: { run: parent.state.runId },
      });
      const anew = withCall(run.state, "reserve", "undo", { generation: 2 });
      expect(await two.other.create({ ...run, state: anew })).toMatchObject({ created: true });
    });

    it("go to one of many children that begin at once", async () => {
      const parent = await made(two.journal, { state: stateOf({ status: "completed" }) });
      const children = Array.from({ length: 10 }, () => child(2, true, parent.state.runId));
      const results = await Promise.allSettled(
        children.map((run, index) => (index % 2 === 0 ? two.journal : two.other).create(run)),
      );
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      for (const result of results) {
        if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "RUN_MOVED" });
      }
    });
  });
}
