import type { Definition } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import {
  type CallError,
  type CallState,
  type CallStatus,
  type Cause,
  callKey,
  type Direction,
  type RunStatus,
  UNTOUCHED,
} from "../engine/run-state.ts";
import { callId, type EventRecord, type RunRecord } from "../journal/journal.ts";
import { shown } from "./shown.ts";

/** A run as JSON shows it: all times ISO 8601 of the journal's clock, sealed input as "[sealed]". */
export interface RunView {
  readonly run: string;
  readonly saga: string;
  readonly status: RunStatus;
  readonly direction: Direction;
  /** The first run of its replays; its own id unless it replays another. */
  readonly root: string;
  readonly parent: string | null;
  readonly businessKey: string | null;
  readonly definition: string;
  readonly input: Json;
  readonly steps: readonly StepView[];
  /** Why it turned around or stopped; null while all is well. */
  readonly error: Cause | null;
  readonly owner: string | null;
  readonly dueAt: string | null;
  /** What operators asked for and nobody has taken up yet. */
  readonly waiting: readonly { readonly verb: string; readonly at: string }[];
  readonly seq: number;
  readonly createdAt: string;
  readonly updatedAt: string;
  /** Until it ended, else until now. */
  readonly durationMs: number;
}

export interface CallView {
  readonly state: CallStatus;
  readonly attempts: number;
  readonly probes: number;
  /** What every attempt carries; null before the first. */
  readonly key: string | null;
  readonly generation: number;
  /** From the first attempt until it was settled, else until now; null before, and where it was taken over. */
  readonly durationMs: number | null;
  readonly error: CallError | null;
}

export interface StepView extends CallView {
  readonly name: string;
  /** Taken over from the run that this one replays. */
  readonly reused: boolean;
  readonly output: Json;
  /** Its compensation; null where it has none, or there was nothing to undo yet. */
  readonly undo: CallView | null;
}

export interface RunViewParts {
  readonly events: readonly EventRecord[];
  /** The journal's time, epoch ms. */
  readonly now: number;
}

/** Statuses that only an operator changes. */
export const ENDED: readonly RunStatus[] = ["completed", "compensated", "cancelled"];

export function runView(record: RunRecord, definition: Definition, { events, now }: RunViewParts): RunView {
  const { state, saga, businessKey, owner, seq, dueAt, createdAt, updatedAt, requests } = record;
  const settledAt = lastTouched(events);
  const calls = (step: string, direction: Direction): CallView =>
    callView(record, step, direction, { settledAt: settledAt.get(callId(step, direction)) ?? null, now });
  return {
    run: state.runId,
    saga,
    status: state.status,
    direction: state.direction,
    root: state.rootId,
    parent: state.parentRun,
    businessKey,
    definition: state.defHash,
    input: shown(state.input),
    steps: definition.steps.map(({ name, compensate }): StepView => {
      const { output } = callOf(record, name, "do");
      const undo = callOf(record, name, "undo");
      const hasUndo = compensate !== null && (undo.status !== "pending" || undo.attempts > 0);
      return {
        name,
        ...calls(name, "do"),
        reused: isReused(record, name),
        output: shown(output),
        undo: hasUndo ? calls(name, "undo") : null,
      };
    }),
    error: state.cause,
    owner,
    dueAt: isoOf(dueAt),
    waiting: requests.map(({ event, at }) => ({ verb: VERBS[event.type], at: isoOf(at) })),
    seq,
    createdAt: isoOf(createdAt),
    updatedAt: isoOf(updatedAt),
    durationMs: (ENDED.includes(state.status) ? updatedAt : now) - createdAt,
  };
}

/** What an operator types for each event. */
export const VERBS = {
  cancelled: "cancel",
  compensated: "compensate",
  resumed: "resume",
  resolved: "resolve",
  replayed: "replay",
} as const;

/** A call of a run; untouched where the run has no such step. */
export function callOf({ state }: Pick<RunRecord, "state">, step: string, direction: Direction): CallState {
  return state.steps[step]?.[direction] ?? UNTOUCHED;
}

/** True where the step's action was done by the run that this one replays. */
function isReused(record: RunRecord, step: string): boolean {
  const { firstSentAt } = callOf(record, step, "do");
  return record.state.parentRun !== null && firstSentAt !== null && firstSentAt < record.createdAt;
}

function callView(
  record: RunRecord,
  step: string,
  direction: Direction,
  { settledAt, now }: { readonly settledAt: number | null; readonly now: number },
): CallView {
  const { status, attempts, probes, generation, firstSentAt, error } = callOf(record, step, direction);
  const isOver = !["intent", "unknown", "pending"].includes(status);
  const end = isOver ? settledAt : now;
  const isTimed = firstSentAt !== null && end !== null && !(direction === "do" && isReused(record, step));
  return {
    state: status,
    attempts,
    probes,
    key: attempts === 0 ? null : callKey(record.state.rootId, step, direction, generation),
    generation,
    durationMs: isTimed ? Math.max(0, end - firstSentAt) : null,
    error,
  };
}

/** When the journal last wrote something of each call. */
function lastTouched(events: readonly EventRecord[]): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  for (const { at, events: several } of events) {
    for (const { step, direction = "do" } of several) {
      if (step !== undefined) last.set(callId(step, direction), at);
    }
  }
  return last;
}

function isoOf(ms: number): string;
function isoOf(ms: number | null): string | null;
function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
