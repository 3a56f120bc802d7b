import { isDeepStrictEqual } from "node:util";
import { backoffDelay } from "../../util/backoff.ts";
import type { RetryPolicy, Step } from "../definition/definition.ts";
import { choose } from "./choose.ts";
import type { Outcome, ProbeAnswer, RunEvent } from "./event.ts";
import {
  going,
  hasAttempts,
  isForwardOnly,
  refusalToTurn,
  retryOf,
  settledFrom,
  type Transition,
  type TransitionParts,
} from "./rules.ts";
import type { CallError, CallState, Cause, Direction, RunState, StepState } from "./run-state.ts";

/**
 * The whole of a saga's behaviour, without any I/O: a state and what happened give the next state and the calls to make.
 *
 * An action that may have taken effect is `unknown` until the service has said so under the same key, a probe has, or an
 * operator; nothing is undone before. Undoing goes against the order of the steps.
 */
export function transition(state: RunState, event: RunEvent, parts: TransitionParts): Transition {
  return choose(absorb(state, event, parts), parts);
}

/** The first half of a transition: what happened is taken in, nothing new is begun. */
export function absorb(state: RunState, event: RunEvent, parts: TransitionParts): RunState {
  switch (event.type) {
    case "started":
    case "due":
      return state;
    case "taken-over":
      return mapCalls(state, (call) => (call.status === "intent" ? orphaned(call, parts.now) : call));
    case "given-up":
      if (state.status !== going(state.direction)) return state;
      return {
        ...state,
        status: "parked",
        cause: state.cause ?? { type: "parked", step: null, message: event.message },
      };
    case "outcome":
      return afterOutcome(state, event, parts);
    case "probed":
      return withCall(
        state,
        event.step,
        "do",
        (call, step) => afterProbe(call, event.answer, step, parts),
        parts,
      );
    case "cancelled":
    case "compensated":
      if (refusalToTurn(state, event.type, parts.definition) !== null) return state;
      return turned(state, { type: event.type, step: null, message: event.message });
    case "resumed":
      if (state.status !== "parked") return state;
      return mapCalls({ ...state, status: going(state.direction), cause: parkedCause(state) }, (call) =>
        call.status === "parked" ? again(call, parts.now) : call,
      );
    case "resolved":
      return afterVerdict(state, event, parts);
    case "replayed": {
      const { input, steps } = event;
      if (state.status !== "parked") return state;
      const next = { ...state, status: going(state.direction), cause: parkedCause(state), input };
      return { ...next, steps: kept(state.steps, steps) };
    }
  }
}

const NO_EFFECT = { status: "pending", everUnknown: false, deadlineAt: null } as const;

/** A worker died over it: the attempt may have been made, or not. */
function orphaned(call: CallState, now: number): CallState {
  const error: CallError = { kind: "unknown", message: "the worker was gone before the answer" };
  return { ...call, status: "unknown", everUnknown: true, notBefore: now, error };
}

function afterOutcome(
  state: RunState,
  event: Extract<RunEvent, { type: "outcome" }>,
  parts: TransitionParts,
): RunState {
  const { step: name, direction, attempt, outcome } = event;
  const call = state.steps[name]?.[direction];
  // The answer to an attempt that was given up: what it says was settled in another way.
  if (call === undefined || call.status !== "intent" || call.attempts !== attempt) return state;
  const next = withCall(
    state,
    name,
    direction,
    (before, step) => afterAttempt(before, outcome, direction, step, parts),
    parts,
  );
  const failed = next.steps[name]?.do.status === "failed" && direction === "do" && next.direction === "do";
  const message = outcome.kind === "done" ? "" : outcome.message;
  return failed ? turned(next, { type: "failed", step: name, message }) : next;
}

function afterAttempt(
  call: CallState,
  outcome: Outcome,
  direction: Direction,
  step: Step,
  parts: TransitionParts,
): CallState {
  if (outcome.kind === "done") return { ...settled(call), status: "done", output: outcome.output };
  const error: CallError = { kind: outcome.kind, message: outcome.message };
  const retry = retryOf(step, direction);
  const later = { ...call, error, notBefore: parts.now + pause(retry, call, parts) };
  if (outcome.kind === "refused") return { ...later, status: "parked" };
  if (outcome.kind === "unknown") return { ...later, status: "unknown", everUnknown: true };
  // An attempt before may have taken effect: that this one had none says nothing about it.
  if (call.everUnknown) return { ...later, status: "unknown" };
  const mayFail = direction === "do" && !isForwardOnly(step, parts.definition);
  if (outcome.kind === "failed" && mayFail) return { ...settled(call), status: "failed", error };
  if (hasAttempts(call, retry)) return { ...later, status: "pending", deadlineAt: null };
  return mayFail ? { ...settled(call), status: "failed", error } : { ...later, status: "parked" };
}

function afterProbe(call: CallState, answer: ProbeAnswer, step: Step, parts: TransitionParts): CallState {
  if (call.status !== "intent" || call.asks !== "probe") return call;
  if (answer.kind === "done") return { ...settled(call), status: "done", output: answer.output };
  const notBefore = parts.now + pause(step.retry, { ...call, attempts: call.probes, forgiven: 0 }, parts);
  if (answer.kind === "unknown") {
    return { ...call, status: "unknown", notBefore, error: { kind: "unknown", message: answer.message } };
  }
  const settledAt = settledFrom(call, step);
  // Until then an attempt may still arrive: a probe that was begun before says nothing by a no.
  if (call.notBefore < settledAt) return { ...call, status: "unknown", notBefore: settledAt };
  return { ...call, ...NO_EFFECT, asks: "effect", notBefore: parts.now };
}

/** What a person found out. It says nothing about a call that was settled in another way meanwhile. */
function afterVerdict(
  state: RunState,
  { step, direction, as, output }: Extract<RunEvent, { type: "resolved" }>,
  parts: TransitionParts,
): RunState {
  const status = state.steps[step]?.[direction].status;
  if (status !== "unknown" && status !== "parked" && status !== "intent") return state;
  const next = withCall(
    state,
    step,
    direction,
    (call) =>
      as === "done"
        ? { ...settled(call), status: "done", output }
        : { ...again(call, parts.now), ...NO_EFFECT },
    parts,
  );
  return next.status === "parked"
    ? { ...next, status: going(next.direction), cause: parkedCause(next) }
    : next;
}

function pause(retry: RetryPolicy, call: CallState, { random }: TransitionParts): number {
  const policy = { initialMs: retry.initialMs, factor: retry.factor, maxMs: retry.maxMs };
  const count = Math.max(0, call.attempts - call.forgiven - 1);
  return Math.round(backoffDelay(policy, count, retry.jitter === "full" ? random : () => 0));
}

function settled(call: CallState): CallState {
  return { ...call, asks: "effect", deadlineAt: null, notBefore: 0, error: null };
}

/** As it was before it was parked, with a fresh budget. */
function again(call: CallState, now: number): CallState {
  const status = call.everUnknown ? "unknown" : "pending";
  return { ...call, status, asks: "effect", forgiven: call.attempts, probes: 0, notBefore: now };
}

function turned(state: RunState, cause: Cause): RunState {
  const next: RunState = { ...state, direction: "undo", status: "compensating", cause };
  // What was parked on the way there is looked at anew on the way back.
  return mapCalls(next, (call, direction) => {
    if (call.status !== "parked" || direction !== "do") return call;
    return call.everUnknown ? { ...call, status: "unknown", probes: 0 } : { ...call, status: "failed" };
  });
}

/** The new states, those that are as before being the same objects: only what differs is written down again. */
function kept(before: RunState["steps"], after: RunState["steps"]): RunState["steps"] {
  const calls = (name: string, next: StepState, direction: Direction): CallState => {
    const call = before[name]?.[direction];
    return call !== undefined && isDeepStrictEqual(call, next[direction]) ? call : next[direction];
  };
  const entries = Object.entries(after).map(([name, next]): [string, StepState] => [
    name,
    { do: calls(name, next, "do"), undo: calls(name, next, "undo") },
  ]);
  return Object.fromEntries(entries);
}

function parkedCause({ cause }: RunState): Cause | null {
  return cause?.type === "parked" ? null : cause;
}

function withCall(
  state: RunState,
  name: string,
  direction: Direction,
  change: (call: CallState, step: Step) => CallState,
  { definition }: TransitionParts,
): RunState {
  const before = state.steps[name];
  const step = definition.steps.find((each) => each.name === name);
  if (before === undefined || step === undefined) return state;
  const after: StepState = { ...before, [direction]: change(before[direction], step) };
  return { ...state, steps: { ...state.steps, [name]: after } };
}

function mapCalls(state: RunState, change: (call: CallState, direction: Direction) => CallState): RunState {
  const steps = Object.entries(state.steps).map(([name, { do: forth, undo }]): [string, StepState] => [
    name,
    { do: change(forth, "do"), undo: change(undo, "undo") },
  ]);
  return { ...state, steps: Object.fromEntries(steps) };
}
