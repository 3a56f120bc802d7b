import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import type { Json } from "../definition/expression.ts";
import { type CallState, type RunState, type StepState, UNTOUCHED } from "../engine/run-state.ts";
import {
  type AuditRecord,
  type CallChange,
  callId,
  type EventRecord,
  type RunRecord,
  type StoredDefinition,
  type WaitingRequest,
} from "./journal.ts";

/** A row as node:sqlite returns it. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** 9999-12-31T23:59:59.999Z: live, but nobody is to look at it. */
export const PARKED_AT = 253_402_300_799_999;

/** `requests` and `steps` as their statements order them. */
export function toRecord(run: Row, steps: readonly Row[], requests: readonly Row[]): RunRecord {
  const dueAt = Number(run.due_at);
  return {
    state: toState(run, steps),
    saga: String(run.saga),
    businessKey: textOrNull(run.business_key),
    owner: textOrNull(run.owner),
    epoch: Number(run.epoch),
    seq: Number(run.seq),
    dueAt: run.live === 1 && dueAt < PARKED_AT ? dueAt : null,
    claims: Number(run.claims),
    createdAt: Number(run.created_at),
    updatedAt: Number(run.updated_at),
    requests: requests.map(toRequest),
    inputHashes: Object.fromEntries(
      steps
        .filter((row) => row.input_hash !== null)
        .map((row) => [callId(String(row.step), row.dir === "undo" ? "undo" : "do"), String(row.input_hash)]),
    ),
  };
}

function toState(run: Row, rows: readonly Row[]): RunState {
  const steps = new Map<string, StepState>();
  for (const row of rows) {
    const before = steps.get(String(row.step)) ?? { do: UNTOUCHED, undo: UNTOUCHED };
    // A higher generation comes later and hides the one before.
    steps.set(String(row.step), { ...before, [String(row.dir)]: toCall(row) });
  }
  return {
    runId: String(run.run_id),
    rootId: String(run.root_id),
    parentRun: textOrNull(run.parent_run),
    defHash: String(run.def_hash),
    status: String(run.status) as RunState["status"],
    direction: String(run.direction) as RunState["direction"],
    input: parse(run.input) as Json,
    cause: parse(run.cause) as RunState["cause"],
    steps: Object.fromEntries(steps),
  };
}

function toCall(row: Row): CallState {
  return {
    status: String(row.state) as CallState["status"],
    asks: String(row.asks) as CallState["asks"],
    generation: Number(row.gen),
    attempts: Number(row.attempts),
    forgiven: Number(row.forgiven),
    probes: Number(row.probes),
    notBefore: Number(row.not_before),
    firstSentAt: numberOrNull(row.first_sent_at),
    deadlineAt: numberOrNull(row.deadline_at),
    everUnknown: row.ever_unknown === 1,
    output: parse(row.output) as Json,
    error: parse(row.error) as CallState["error"],
  };
}

/** The arguments of `step-put`. */
export function fromCall(state: RunState, change: CallChange): SQLInputValue[] {
  const { step, direction } = change;
  const call = state.steps[step]?.[direction] ?? UNTOUCHED;
  return [
    state.runId,
    step,
    direction,
    call.generation,
    Object.keys(state.steps).indexOf(step),
    change.isOwn ? state.rootId : null,
    call.status,
    call.asks,
    call.attempts,
    call.forgiven,
    call.probes,
    Math.round(call.notBefore),
    wholeOrNull(call.firstSentAt),
    wholeOrNull(call.deadlineAt),
    Number(call.everUnknown),
    change.key,
    change.inputHash,
    JSON.stringify(call.output),
    toJsonOrNull(call.error),
  ];
}

export function toJsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

export function toDefinition(row: Row): StoredDefinition {
  return {
    hash: String(row.hash),
    saga: String(row.saga),
    body: String(row.body),
    directory: String(row.directory),
  };
}

export function toEvent(row: Row): EventRecord {
  return {
    seq: Number(row.seq),
    epoch: Number(row.epoch),
    txid: String(row.txid),
    at: Number(row.at),
    events: parse(row.body) as EventRecord["events"],
  };
}

export function toAudit(row: Row): AuditRecord {
  return {
    id: Number(row.id),
    runId: String(row.run_id),
    verb: String(row.verb),
    actor: String(row.actor),
    reason: String(row.reason),
    details: parse(row.details) as AuditRecord["details"],
    at: Number(row.at),
  };
}

function toRequest(row: Row): WaitingRequest {
  return {
    id: Number(row.id),
    event: parse(row.event) as WaitingRequest["event"],
    at: Number(row.at),
  };
}

function parse(value: SQLOutputValue | undefined): unknown {
  return typeof value === "string" ? JSON.parse(value) : null;
}

function textOrNull(value: SQLOutputValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}

function numberOrNull(value: SQLOutputValue | undefined): number | null {
  return typeof value === "number" ? value : null;
}

function wholeOrNull(value: number | null): number | null {
  return value === null ? null : Math.round(value);
}
