import { describe, expect, it } from "vitest";
import type { Direction } from "../../../src/core/saga/engine/run-state.ts";
import type { RunRecord } from "../../../src/core/saga/journal/journal.ts";
import {
  callOf,
  callsOf,
  change,
  type JournalHarness,
  journalPerTest,
  LONG,
  made,
  newRun,
  past,
  stateOf,
  withCall,
} from "./journal-harness.ts";

/** A replay that has taken over all but one call. */
const isCharge = (step: string, direction: Direction) => ({ isOwn: step === "charge" && direction === "do" });

function idsOf(runs: readonly RunRecord[]): string[] {
  return runs.map(({ state }) => state.runId);
}

/** What the methods promise that only read. */
export function readSuite(setUp: () => Promise<JournalHarness>): void {
  describe("reading", () => {
    const two = journalPerTest(setUp);

    it("says the time, and where it is without secrets", async () => {
      const now = await two.journal.now();
      expect(Number.isSafeInteger(now)).toBe(true);
      // The same machine, or a database on it.
      expect(Math.abs(now - Date.now())).toBeLessThan(10_000);
      expect(["sqlite", "mysql"]).toContain(two.journal.engine);
      expect(two.journal.url).not.toBe("");
    });

    it("of an empty journal finds nothing", async () => {
      expect(await two.journal.run("none")).toBeNull();
      expect(await two.journal.runs({ limit: 10 })).toEqual([]);
      expect(await two.journal.family("none")).toEqual([]);
      expect(await two.journal.events("none")).toEqual([]);
      expect(await two.journal.audits("none")).toEqual([]);
      expect(await two.journal.counts()).toEqual({});
      expect(await two.journal.claim({ ...LONG, limit: 10 })).toMatchObject({ runs: [], nextDueAt: null });
    });

    it("is to the letter of a run's id", async () => {
      await made(two.journal, { state: stateOf({ runId: "abc1" }) });
      expect(await two.journal.run("ABC1")).toBeNull();
      expect(await two.journal.run("abc1 ")).toBeNull();
      expect(await two.journal.run("abc")).toBeNull();
    });

    it("finds runs by the beginning of their ids, to the letter", async () => {
      for (const runId of ["ab-1", "ab-2", "ab_3", "abc", "b-1"]) {
        await made(two.journal, { state: stateOf({ runId }) });
      }
      const found = async (idPrefix: string, limit = 10) =>
        idsOf(await two.journal.runs({ idPrefix, limit })).sort();
      expect(await found("ab-")).toEqual(["ab-1", "ab-2"]);
      expect(await found("abc")).toEqual(["abc"]);
      expect(await found("AB")).toEqual([]);
      // Wild cards of SQL mean nothing.
      expect(await found("ab_")).toEqual(["ab_3"]);
      expect(await found("%")).toEqual([]);
      expect(await found("ab", 2)).toHaveLength(2);
      expect(idsOf(await two.journal.runs({ idPrefix: "ab-", statuses: ["parked"], limit: 10 }))).toEqual([]);
    });

    it("lists the newest first, page by page, each run once", async () => {
      const runs: RunRecord[] = [];
      for (let count = 0; count < 7; count++) runs.push(await made(two.journal));
      // Some were made in the same millisecond.
      await Promise.all(Array.from({ length: 10 }, () => two.journal.create(newRun())));
      const all = await two.other.runs({ limit: 100 });
      const sorted = all.toSorted(
        (a, b) => b.createdAt - a.createdAt || (a.state.runId < b.state.runId ? 1 : -1),
      );
      expect(idsOf(all)).toEqual(idsOf(sorted));
      expect(all).toHaveLength(17);
      expect(all.find(({ state }) => state.runId === runs[0]?.state.runId)).toEqual(runs[0]);
      const paged: RunRecord[] = [];
      for (;;) {
        const last = paged.at(-1);
        const before = last && { createdAt: last.createdAt, runId: last.state.runId };
        const page = await two.other.runs({ limit: 4, ...(before && { before }) });
        if (page.length === 0) break;
        paged.push(...page);
      }
      expect(paged).toEqual(all);
    });

    it("lists by status, saga and what became of calls", async () => {
      const make = async (status: "running" | "parked" | "completed", saga: string, call: string) => {
        const state = withCall(stateOf({ status }), "charge", "undo", { status: call as "unknown" });
        return (await made(two.journal, { state, saga })).state.runId;
      };
      const running = await make("running", "order", "intent");
      const parked = await make("parked", "order", "unknown");
      const stuck = await make("parked", "refund", "parked");
      const done = await make("completed", "refund", "done");
      const find = async (filter: object) => new Set(idsOf(await two.other.runs({ limit: 10, ...filter })));
      expect(await find({})).toEqual(new Set([running, parked, stuck, done]));
      expect(await find({ statuses: ["parked"] })).toEqual(new Set([parked, stuck]));
      expect(await find({ statuses: ["parked", "running"] })).toEqual(new Set([running, parked, stuck]));
      expect(await find({ statuses: [] })).toEqual(new Set());
      expect(await find({ saga: "refund" })).toEqual(new Set([stuck, done]));
      expect(await find({ saga: "refun" })).toEqual(new Set());
      expect(await find({ statuses: ["parked"], saga: "order" })).toEqual(new Set([parked]));
      expect(await find({ callStatuses: ["unknown"] })).toEqual(new Set([parked]));
      expect(await find({ callStatuses: ["unknown", "parked", "intent"] })).toEqual(
        new Set([running, parked, stuck]),
      );
      expect(await find({ callStatuses: ["intent", "parked"], statuses: ["running"] })).toEqual(
        new Set([running]),
      );
      expect(await find({ callStatuses: ["parked", "unknown"], saga: "refund" })).toEqual(new Set([stuck]));
    });

    it("pages with a filter too", async () => {
      for (let count = 0; count < 5; count++) {
        const state = withCall(stateOf({ status: "parked" }), "charge", "do", { status: "unknown" });
        await made(two.journal, { state });
        await made(two.journal);
      }
      for (const filter of [{ statuses: ["parked"] }, { callStatuses: ["unknown"] }] as const) {
        const first = await two.other.runs({ ...filter, limit: 3 });
        const last = first.at(-1);
        const before = { createdAt: last?.createdAt ?? 0, runId: last?.state.runId ?? "" };
        const rest = await two.other.runs({ ...filter, limit: 3, before });
        expect(new Set([...idsOf(first), ...idsOf(rest)]).size).toBe(5);
        expect(first).toHaveLength(3);
      }
    });

    it("judges a call by its highest generation", async () => {
      const old = withCall(stateOf(), "charge", "do", { status: "unknown" });
      const run = await made(two.journal, { state: old, lease: LONG });
      expect(await two.other.runs({ limit: 10, callStatuses: ["unknown"] })).toHaveLength(1);
      const state = withCall(old, "charge", "do", { status: "done", generation: 2 });
      await two.journal.commit([change(run, { state, calls: [callOf(state, "charge", "do")] })], LONG);
      expect(await two.other.runs({ limit: 10, callStatuses: ["unknown"] })).toEqual([]);
    });

    it("counts runs by status", async () => {
      for (const status of ["running", "parked", "running", "cancelled"] as const) {
        await made(two.journal, { state: stateOf({ status }) });
      }
      expect(await two.other.counts()).toEqual({ running: 2, parked: 1, cancelled: 1 });
    });

    it("finds a family, the first run first", async () => {
      const root = await made(two.journal, { state: stateOf({ status: "completed" }) });
      const { runId } = root.state;
      const replay = async (parentRun: string, generation: number) => {
        await past(two.journal, await two.journal.now());
        const state = withCall(stateOf({ rootId: runId, parentRun, status: "completed" }), "charge", "do", {
          generation,
        });
        return made(two.journal, { state, calls: callsOf(state, isCharge) });
      };
      const child = await replay(runId, 2);
      const grandchild = await replay(child.state.runId, 3);
      await made(two.journal);
      expect(await two.other.family(runId)).toEqual([root, child, grandchild]);
      expect(await two.other.family(child.state.runId)).toEqual([]);
    });
  });
}
