import { describe, expect, it } from "vitest";
import {
  CANCEL,
  change,
  held,
  type JournalHarness,
  journalPerTest,
  LONG,
  made,
  newRun,
  OTHERS,
  past,
  read,
  SHORT,
  stateOf,
} from "./journal-harness.ts";

/** What `claim`, `heartbeat` and `release` promise. */
export function claimSuite(setUp: () => Promise<JournalHarness>): void {
  describe("claims", () => {
    const two = journalPerTest(setUp);

    it("give a run that is due an owner, the next epoch and a lease", async () => {
      const run = await made(two.journal);
      const { runs, now } = await two.other.claim({ ...LONG, limit: 10 });
      const expected = { ...run, owner: LONG.owner, epoch: 1, claims: 1, dueAt: now + LONG.leaseMs };
      expect(runs).toEqual([expected]);
      expect(await two.journal.run(run.state.runId)).toEqual(expected);
      expect(await two.journal.events(run.state.runId)).toHaveLength(1);
    });

    it("take those first that have been due for longest, and no more than asked for", async () => {
      const now = await two.journal.now();
      const ids = [];
      for (const ago of [1000, 5000, 3000, 4000, 2000]) {
        const run = await made(two.journal, { lease: LONG });
        await two.journal.commit([change(run, { due: { kind: "at", at: now - ago } })], LONG);
        ids.push(run.state.runId);
      }
      const claimed = await two.other.claim({ ...LONG, limit: 3 });
      expect(claimed.runs.map(({ state }) => state.runId)).toEqual([ids[1], ids[3], ids[2]]);
      const rest = await two.other.claim({ ...LONG, limit: 3 });
      expect(rest.runs.map(({ state }) => state.runId)).toEqual([ids[4], ids[0]]);
    });

    it("take one run by its id, and only where it is due", async () => {
      await made(two.journal);
      const run = await made(two.journal);
      const { runId } = run.state;
      const { runs } = await two.other.claim({ ...LONG, limit: 10, runId });
      expect(runs.map(({ state }) => state.runId)).toEqual([runId]);
      const again = await two.other.claim({ ...LONG, limit: 10, runId });
      expect(again.runs).toEqual([]);
      expect(again.nextDueAt).toBe(runs[0]?.dueAt);
      expect((await two.other.claim({ ...LONG, limit: 10, runId: "none" })).runs).toEqual([]);
      expect((await two.other.claim({ ...LONG, limit: 10 })).runs).toHaveLength(1);
    });

    it("leave a run alone while its lease runs, and take it once that has ended", async () => {
      const lease = { owner: "worker-a", leaseMs: 150 };
      const run = await made(two.journal, { lease });
      const early = await two.other.claim({ ...OTHERS, limit: 10 });
      // On a machine that stood still for so long there is nothing to say.
      if (early.now < (run.dueAt ?? 0)) expect(early).toMatchObject({ runs: [], nextDueAt: run.dueAt });
      await past(two.journal, run.dueAt ?? 0);
      const { runs } = await two.other.claim({ ...OTHERS, limit: 10 });
      expect(runs).toMatchObject([{ owner: OTHERS.owner, epoch: 2, claims: 1, seq: 1 }]);
    });

    it("count until a transition, and every one has the next epoch", async () => {
      const { state } = await made(two.journal);
      for (let count = 1; count <= 4; count++) {
        const [run] = (await two.journal.claim({ ...SHORT, limit: 1 })).runs;
        expect(run).toMatchObject({ claims: count, epoch: count, seq: 1 });
        await past(two.journal, run?.dueAt ?? 0);
      }
      const [run] = (await two.journal.claim({ ...LONG, limit: 1 })).runs;
      if (run === undefined) throw new Error("not claimed");
      await two.journal.commit([change(run)], LONG);
      expect(await read(two.other, state.runId)).toMatchObject({ claims: 0, epoch: 5, seq: 2 });
    });

    it("say when the next run is due that is not yet", async () => {
      const at = (await two.journal.now()) + 500_000;
      expect((await two.journal.claim({ ...LONG, limit: 10 })).nextDueAt).toBeNull();
      for (const later of [2000, 0, 1000]) {
        const run = await made(two.journal, { lease: LONG });
        await two.journal.commit([change(run, { due: { kind: "at", at: at + later } })], LONG);
      }
      expect(await two.other.claim({ ...LONG, limit: 10 })).toMatchObject({ runs: [], nextDueAt: at });
    });

    it("never share a run, however many claim at once", async () => {
      await Promise.all(
        Array.from({ length: 100 }, (_, index) =>
          (index % 2 === 0 ? two.journal : two.other).create(newRun()),
        ),
      );
      const claims = Array.from({ length: 20 }, (_, index) => {
        const journal = index % 2 === 0 ? two.journal : two.other;
        return journal.claim({ owner: `worker-${index}`, leaseMs: 60_000, limit: 7 });
      });
      const taken = (await Promise.all(claims)).flatMap(({ runs }) => runs);
      // A claim passes by what another is just taking.
      for (;;) {
        const { runs } = await two.journal.claim({ ...LONG, limit: 7 });
        if (runs.length === 0) break;
        taken.push(...runs);
      }
      expect(taken).toHaveLength(100);
      expect(new Set(taken.map(({ state }) => state.runId)).size).toBe(100);
      expect(new Set(taken.map(({ epoch }) => epoch))).toEqual(new Set([1]));
    });

    it("never take a parked run, nor one that has ended", async () => {
      for (const kind of ["parked", "ended"] as const) {
        const run = await made(two.journal, { lease: LONG });
        const state = stateOf({ ...run.state, status: kind === "parked" ? "parked" : "completed" });
        await two.journal.commit([change(run, { state, due: { kind } })], LONG);
        expect(await read(two.other, run.state.runId)).toMatchObject({ owner: null, dueAt: null, state });
        const { runId } = state;
        expect(await two.other.claim({ ...OTHERS, limit: 9, runId })).toMatchObject({
          runs: [],
          nextDueAt: null,
        });
      }
      expect(await two.other.claim({ ...OTHERS, limit: 9 })).toMatchObject({ runs: [], nextDueAt: null });
    });
  });

  describe("heartbeats", () => {
    const two = journalPerTest(setUp);

    it("extend leases, and write nothing else", async () => {
      const run = await made(two.journal, { lease: SHORT });
      const { results, now } = await two.journal.heartbeat([held(run)], LONG);
      expect(results).toEqual(["held"]);
      expect(await read(two.other, run.state.runId)).toEqual({ ...run, dueAt: now + LONG.leaseMs });
      expect((await two.other.claim({ ...OTHERS, limit: 1 })).runs).toEqual([]);
    });

    it("say how each run stands, in the order given", async () => {
      const [first, second, third, fourth, fifth] = await Promise.all(
        Array.from({ length: 5 }, () => made(two.journal, { lease: LONG })),
      );
      if (!first || !second || !third || !fourth || !fifth) throw new Error("not made");
      await two.other.request(second.state.runId, () => CANCEL);
      await two.journal.release([held(third)], null);
      await two.other.claim({ ...OTHERS, limit: 1, runId: third.state.runId });
      await two.journal.commit([change(fourth, { due: { kind: "ended" } })], LONG);
      const missing = { runId: "none", epoch: 1, seq: 1 };
      const runs = [held(fifth), held(second), held(third), held(fourth), missing, held(first)];
      const { results, now } = await two.journal.heartbeat(runs, LONG);
      expect(results).toEqual(["held", "moved", "lost", "lost", "lost", "held"]);
      expect((await read(two.other, second.state.runId)).dueAt).toBe(now + LONG.leaseMs);
      expect(await read(two.other, third.state.runId)).toMatchObject({ owner: OTHERS.owner, epoch: 2 });
      expect(await read(two.other, fourth.state.runId)).toMatchObject({ owner: null, dueAt: null });
    });

    it("are for those who hold it, not for another at the same epoch", async () => {
      const run = await made(two.journal, { lease: LONG });
      expect((await two.other.heartbeat([held(run)], OTHERS)).results).toEqual(["lost"]);
      expect(await read(two.journal, run.state.runId)).toEqual(run);
    });

    it("of no runs say the time", async () => {
      const before = await two.journal.now();
      const { results, now } = await two.journal.heartbeat([], LONG);
      expect(results).toEqual([]);
      expect(now).toBeGreaterThanOrEqual(before);
    });
  });

  describe("releases", () => {
    const two = journalPerTest(setUp);

    it("let others have the run at once", async () => {
      const run = await made(two.journal, { lease: LONG });
      await two.journal.release([held(run)], null);
      expect(await read(two.other, run.state.runId)).toMatchObject({ owner: null, epoch: 1, seq: 1 });
      const { runs } = await two.other.claim({ ...OTHERS, limit: 1 });
      expect(runs).toMatchObject([{ owner: OTHERS.owner, epoch: 2 }]);
      expect((await two.journal.commit([change(run)], LONG)).results).toEqual(["lost"]);
    });

    it("are final before anybody else has it", async () => {
      const run = await made(two.journal, { lease: LONG });
      await two.journal.release([held(run)], null);
      expect((await two.journal.commit([change(run)], LONG)).results).toEqual(["lost"]);
      expect((await two.journal.heartbeat([held(run)], LONG)).results).toEqual(["lost"]);
      expect(await two.journal.events(run.state.runId)).toHaveLength(1);
    });

    it("let others have it at a time", async () => {
      const run = await made(two.journal, { lease: LONG });
      const at = (await two.journal.now()) + 500_000;
      await two.journal.release([held(run)], at);
      expect(await read(two.other, run.state.runId)).toMatchObject({ owner: null, dueAt: at });
      expect(await two.other.claim({ ...OTHERS, limit: 1 })).toMatchObject({ runs: [], nextDueAt: at });
    });

    it("leave alone what is no longer held at this epoch, and what has ended or is parked", async () => {
      const lost = await made(two.journal, { lease: LONG });
      await two.journal.release([held(lost)], null);
      const taken = (await two.other.claim({ ...OTHERS, limit: 1 })).runs[0];
      const parked = await made(two.journal, { lease: LONG });
      const ended = await made(two.journal, { lease: LONG });
      await two.journal.commit(
        [change(parked, { due: { kind: "parked" } }), change(ended, { due: { kind: "ended" } })],
        LONG,
      );
      await two.journal.release([lost, parked, ended].map(held), null);
      expect(await read(two.other, lost.state.runId)).toEqual(taken);
      for (const { state } of [parked, ended]) {
        expect(await read(two.other, state.runId)).toMatchObject({ owner: null, dueAt: null });
      }
    });

    it("do not put off what was asked for meanwhile", async () => {
      const run = await made(two.journal, { lease: LONG });
      await two.other.request(run.state.runId, () => CANCEL);
      await two.journal.release([held(run)], (await two.journal.now()) + 500_000);
      const { runs } = await two.other.claim({ ...OTHERS, limit: 1 });
      expect(runs).toMatchObject([{ requests: [{ event: CANCEL.event }] }]);
    });
  });
}
