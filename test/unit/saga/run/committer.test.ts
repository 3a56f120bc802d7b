import { expect, it } from "vitest";
import { DcsError } from "../../../../src/core/errors.ts";
import { newRun } from "../../../../src/core/saga/engine/new-run.ts";
import type { Change, CommitResult } from "../../../../src/core/saga/journal/journal.ts";
import { Committer } from "../../../../src/core/saga/run/committer.ts";
import { JournalClock } from "../../../../src/core/saga/run/journal-clock.ts";
import { momentOf, Tenure } from "../../../../src/core/saga/run/tenure.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { readSaga } from "../../../support/scripted-sagas.ts";

const LEASE_MS = 10_000;
const { definition } = await readSaga("name: a, action: { exec: [x] }");
const CHANGE: Change = {
  ...{ runId: "r", epoch: 1, seq: 1, txid: "t", calls: [], events: [], takenUp: null },
  state: newRun(definition, { runId: "r", defHash: "h", input: null }),
  due: { kind: "held" },
};

/** Commits once, `answers` being what the journal says to it and to its resendings. */
async function commit(clock: FakeClock, answers: readonly (() => Promise<CommitResult>)[]) {
  let asked = 0;
  const committer = new Committer({
    journal: { commit: () => answers[asked++]?.() } as never,
    lease: { owner: "o", leaseMs: LEASE_MS },
    clock,
    journalClock: new JournalClock(clock, clock.now()),
    random: () => 0.5,
  });
  const tenure = new Tenure(clock, LEASE_MS, momentOf(clock));
  await clock.advance(1000);
  const standing = committer.commit(CHANGE, tenure);
  await clock.advance(5000);
  return { standing: await standing, leftMs: tenure.leftMs };
}

it("takes a lease as extended from when its change was sent", async () => {
  const clock = new FakeClock();
  const held = async () => ({ results: ["held" as const], now: clock.now() });
  expect(await commit(clock, [held])).toEqual({ standing: "held", leftMs: LEASE_MS * 0.85 - 5000 });
});

it("takes no lease as extended by a change that was not written, because the run had moved", async () => {
  const clock = new FakeClock();
  const moved = async () => ({ results: ["moved" as const], now: clock.now() });
  expect(await commit(clock, [moved])).toEqual({ standing: "moved", leftMs: LEASE_MS * 0.85 - 6000 });
});

it("takes a lease as extended from the first sending, which may have written it though its answer was lost", async () => {
  const clock = new FakeClock();
  const lost = async () => {
    await clock.delay(2000);
    throw new DcsError("JOURNAL_UNREACHABLE", "reset");
  };
  const held = async () => ({ results: ["held" as const], now: clock.now() });
  expect(await commit(clock, [lost, held])).toEqual({ standing: "held", leftMs: LEASE_MS * 0.85 - 5000 });
});
