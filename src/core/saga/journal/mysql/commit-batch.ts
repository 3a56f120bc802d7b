import { fill, listOf, rowsOf, SqlText } from "../../../mysql/sql-text.ts";
import { randomHex } from "../../../util/ids.ts";
import type { Change, Due, LeaseTerms } from "../journal.ts";
import type { KnownInputs } from "../known-inputs.ts";
import { PARKED_AT, toJsonOrNull } from "../rows.ts";
import { type CallRow, toCallRow } from "./call-row.ts";
import { SQL } from "./statements.generated.ts";

export interface CommitParts {
  readonly changes: readonly Change[];
  readonly lease: LeaseTerms;
  readonly inputs: KnownInputs;
}

/**
 * The statements of one transaction that moves runs on, to be sent in one round trip; the last but one returns how each
 * change stands. A run moves where nobody else moved it, and then carries the pass of this very sending: so one that arrives
 * late, after its resending, writes nothing. `careful` looks for rivals first.
 */
export function commitBatch(
  { changes, lease, inputs }: CommitParts,
  { careful }: { readonly careful: boolean },
): readonly string[] {
  const pass = randomHex(16);
  const sorted = inOrder(changes);
  const calls = callRows(sorted);
  const fence = careful && calls.length > 0 ? fill(SQL["no-rival"], { calls: rowsOf(calls) }) : "TRUE";
  const statements = [
    SQL.now,
    "START TRANSACTION",
    fill(SQL["run-advance"], {
      runs: rowsOf(sorted.map(toRunRow)),
      owner: lease.owner,
      lease: Math.ceil(lease.leaseMs),
      pass,
      fence: new SqlText(fence),
    }),
  ];
  if (calls.length > 0) {
    const ordinal = new SqlText(hasNewCall(calls) ? SQL["step-place"] : "c.ordinal");
    statements.push(fill(SQL["step-put"], { calls: rowsOf(calls), ordinal, pass }));
  }
  const events = sorted.map(({ runId, txid, events: all }) => ({
    run_id: runId,
    txid,
    body: JSON.stringify(all),
  }));
  statements.push(fill(SQL["event-put"], { events: rowsOf(events), pass }));
  statements.push(...restOf(sorted, inputs, pass));
  const runs = changes.map(({ runId, epoch, seq, txid }, i) => ({ i, run_id: runId, epoch, seq, txid }));
  statements.push(fill(SQL["run-standing"], { runs: rowsOf(runs), owner: lease.owner }), "COMMIT");
  return statements;
}

/** All transactions lock runs in one order. */
export function inOrder(changes: readonly Change[]): readonly Change[] {
  return [...changes].sort((a, b) => (a.runId < b.runId ? -1 : 1));
}

export function callRows(changes: readonly Change[]): readonly CallRow[] {
  return changes.flatMap(({ state, calls }) => calls.map((call) => toCallRow(state, call)));
}

/** True where one may have no row yet: all are written with the run, but for what a replay does anew. */
export function hasNewCall(calls: readonly CallRow[]): boolean {
  return calls.some(({ gen }) => Number(gen) > 1);
}

/** What few transitions need, of the runs that carry the pass. */
export function restOf(changes: readonly Change[], inputs: KnownInputs, pass: string): readonly string[] {
  const statements: string[] = [];
  const others = changes.filter((change) => !inputs.has(change));
  if (others.length > 0) {
    const bodies = others.map(({ runId, state }) => ({ run_id: runId, body: JSON.stringify(state.input) }));
    statements.push(fill(SQL["input-put"], { inputs: rowsOf(bodies), pass }));
  }
  const taking = changes.filter(({ takenUp }) => takenUp !== null);
  if (taking.length > 0) {
    const taken = taking.map(({ runId, takenUp }) => ({ run_id: runId, taken_up: takenUp }));
    statements.push(fill(SQL["request-take"], { taken: rowsOf(taken), pass }));
  }
  const released = changes.filter(({ due }) => due.kind !== "held");
  if (released.length > 0) {
    statements.push(fill(SQL["run-wake"], { ids: listOf(released.map(({ runId }) => runId)), pass }));
  }
  return statements;
}

/** Parts of so many changes that each fits into one packet of the server; no run is twice in one. */
export function splitChanges(
  changes: readonly Change[],
  inputs: KnownInputs,
  maxPacket: number,
): readonly Change[][] {
  const parts: Change[][] = [];
  let ids = new Set<string>();
  let size = Number.POSITIVE_INFINITY;
  // Twice what it is in JSON: escaped, every byte may need two.
  const limit = maxPacket / 2 - 65_536;
  for (const change of changes) {
    const bytes = sizeOf(change, inputs.has(change));
    if (size + bytes > limit || ids.has(change.runId)) {
      parts.push([]);
      ids = new Set();
      size = 0;
    }
    parts.at(-1)?.push(change);
    ids.add(change.runId);
    size += bytes;
  }
  return parts;
}

const ROW_BYTES = 512;

function sizeOf({ state, calls, events }: Change, hasInput: boolean): number {
  let texts = ROW_BYTES * (2 + calls.length) + JSON.stringify(events).length;
  if (!hasInput) texts += JSON.stringify(state.input).length;
  for (const { step, direction } of calls) {
    const call = state.steps[step]?.[direction];
    texts += JSON.stringify([call?.output, call?.error]).length;
  }
  // Of UTF-16 a unit is at most three bytes of UTF-8.
  return texts * 3;
}

function toRunRow({ runId, epoch, seq, state, due }: Change) {
  return {
    run_id: runId,
    epoch,
    seq,
    status: state.status,
    direction: state.direction,
    cause: toJsonOrNull(state.cause),
    live: due.kind !== "ended",
    due_at: dueAtOf(due),
  };
}

/** Null to hold it. */
export function dueAtOf(due: Due): number | null {
  if (due.kind === "held") return null;
  return due.kind === "at" ? Math.ceil(due.at) : PARKED_AT;
}
