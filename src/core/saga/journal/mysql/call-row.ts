import type { SqlValue } from "../../../mysql/sql-text.ts";
import { type RunState, UNTOUCHED } from "../../engine/run-state.ts";
import type { CallChange } from "../journal.ts";
import { toJsonOrNull } from "../rows.ts";

export type CallRow = Readonly<Record<string, SqlValue>>;

/** One call as a row of `saga_step`, in the order of the columns there. */
export function toCallRow(state: RunState, change: CallChange): CallRow {
  const { step, direction, key, inputHash, isOwn } = change;
  const call = state.steps[step]?.[direction] ?? UNTOUCHED;
  return {
    run_id: state.runId,
    step,
    dir: direction,
    gen: call.generation,
    ordinal: Object.keys(state.steps).indexOf(step),
    key_root: isOwn ? state.rootId : null,
    state: call.status,
    asks: call.asks,
    attempts: call.attempts,
    forgiven: call.forgiven,
    probes: call.probes,
    not_before: Math.round(call.notBefore),
    first_sent_at: wholeOrNull(call.firstSentAt),
    deadline_at: wholeOrNull(call.deadlineAt),
    ever_unknown: call.everUnknown,
    call_key: key,
    input_hash: inputHash,
    output: JSON.stringify(call.output),
    error: toJsonOrNull(call.error),
  };
}

function wholeOrNull(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}
