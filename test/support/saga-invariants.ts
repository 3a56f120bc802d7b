import type { CallStatus } from "../../src/core/saga/engine/run-state.ts";
import type { AuditRecord, EventRecord, Journal, RunRecord } from "../../src/core/saga/journal/journal.ts";

/** All that a journal has of a run. */
export interface KeptRun {
  readonly record: RunRecord;
  readonly events: readonly EventRecord[];
  readonly audits: readonly AuditRecord[];
}

/** Runs asked for at once. */
const PAGE = 500;
/** What ends an attempt, in the events of a run. */
const ANSWERS = ["done", "failed", "not-sent", "unknown", "refused", "resolved"];

/** Everything of every run, newest first: two of these are equal when nothing was changed between them. */
export async function keptRuns(journal: Journal): Promise<readonly KeptRun[]> {
  const kept: KeptRun[] = [];
  for (let page = await journal.runs({ limit: PAGE }); page.length > 0; ) {
    for (const record of page) kept.push(await wholeRun(journal, record));
    const last = page.at(-1)?.state.runId;
    const createdAt = page.at(-1)?.createdAt ?? 0;
    page = await journal.runs({ limit: PAGE, before: { createdAt, runId: last ?? "" } });
  }
  return kept;
}

/** What is wrong with the runs of a journal, by the invariants of sagas; empty when nothing is. */
export async function problemsInJournal(journal: Journal): Promise<readonly string[]> {
  const kept = await keptRuns(journal);
  const parked = await journal.runs({ statuses: ["parked"], limit: kept.length + 1 });
  const listed = new Set(parked.map(({ state }) => state.runId));
  const counts = await journal.counts();
  const problems = kept.flatMap((run) => problemsOfRun(run, listed));
  if ((counts.parked ?? 0) !== listed.size)
    problems.push(`${counts.parked} are parked, ${listed.size} listed`);
  return problems;
}

/** What is wrong with one run. `listed`: the ids that a list of parked runs shows. */
export function problemsOfRun({ record, events, audits }: KeptRun, listed: ReadonlySet<string>): string[] {
  const { state, seq, epoch, dueAt, owner, requests } = record;
  const { runId, status, steps } = state;
  const problems: string[] = [];
  const expect = (holds: boolean, what: string) => {
    if (!holds) problems.push(`${runId} (${status}): ${what}`);
  };

  expect(events.length === seq, `its seq is ${seq}, and it has ${events.length} events`);
  expect(
    events.every((event, index) => event.seq === index + 1),
    `its events have gaps: ${events.map((event) => event.seq)}`,
  );
  const epochs = events.map((event) => event.epoch);
  expect(
    epochs.every((each, index) => each >= (epochs[index - 1] ?? 0) && each <= epoch),
    `its epochs do not only grow up to ${epoch}: ${epochs}`,
  );
  expect(new Set(events.map(({ txid }) => txid)).size === events.length, "a change was written twice");

  const isLive = status === "running" || status === "compensating" || requests.length > 0;
  expect(isLive === (dueAt !== null), isLive ? "it lives, and is never due" : `it is due at ${dueAt}`);
  expect(isLive || owner === null, `${owner} has it`);
  expect((status === "parked") === listed.has(runId), "parked and not listed, or the other way round");

  const asked = events.flatMap((event) => event.events).filter(({ type }) => type === "requested").length;
  const begun = state.parentRun === null ? 0 : 1;
  expect(audits.length === asked + begun, `${asked + begun} things were asked, ${audits.length} audited`);
  expect(
    audits.every(({ reason, actor }) => reason !== "" && actor !== ""),
    "an audit without a reason",
  );

  const forth = Object.values(steps).map((step) => step.do.status);
  const back = Object.values(steps).map((step) => step.undo.status);
  const only = (all: readonly CallStatus[], ...some: readonly CallStatus[]) =>
    all.every((each) => some.includes(each));
  if (status === "completed") {
    expect(only(forth, "done"), `not every step is done: ${forth}`);
    expect(only(back, "pending"), `something was undone: ${back}`);
  }
  if (status === "compensated" || status === "cancelled") {
    expect(only(back, "done", "skipped"), `not every step is undone: ${back}`);
    expect(!forth.includes("intent") && !forth.includes("parked"), `something is open: ${forth}`);
  }
  if (status === "parked") {
    const isGivenUp = events.some((event) => event.events.some(({ type }) => type === "given-up"));
    expect(isGivenUp || [...forth, ...back].includes("parked"), "parked, and nothing says for what");
    expect(state.cause !== null, "parked without a cause");
  }
  problems.push(...wrongBeginnings(runId, events));
  return problems;
}

/**
 * A compensation, or another attempt, that was begun while an attempt of its action was still under way, and an action that
 * was begun again after it was undone: only a replay does that, under a new key.
 */
function wrongBeginnings(runId: string, events: readonly EventRecord[]): string[] {
  const open = new Set<string>();
  const undone = new Set<string>();
  const problems: string[] = [];
  for (const { seq, events: happened } of events) {
    for (const { type, step = "", direction = "do" } of happened) {
      const call = `${step}:${direction}`;
      if (type === "taken-over") open.clear();
      else if (type === "replayed") undone.clear();
      else if (ANSWERS.includes(type) || type.startsWith("probe-")) open.delete(call);
      else if (type === "intent" || type === "probe") {
        const isEarly = open.has(call) || (direction === "undo" && open.has(`${step}:do`));
        const isAgain = type === "intent" && direction === "do" && undone.has(step);
        if (isAgain) problems.push(`${runId}: ${step} is begun at ${seq} after it was undone`);
        if (type === "intent" && direction === "undo") undone.add(step);
        if (isEarly) problems.push(`${runId}: ${direction} ${step} is begun at ${seq} with an attempt open`);
        open.add(call);
      }
    }
  }
  return problems;
}

async function wholeRun(journal: Journal, record: RunRecord): Promise<KeptRun> {
  const { runId } = record.state;
  return { record, events: await journal.events(runId), audits: await journal.audits(runId) };
}
