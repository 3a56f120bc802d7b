import type { Definition, RetryPolicy, Step } from "../definition/definition.ts";
import { ancestorsOf } from "../definition/step-graph.ts";
import type { CallState, Direction, Intent, RunState } from "./run-state.ts";

/** What becomes of a run, and what is to be done now. */
export interface Transition {
  readonly state: RunState;
  /** Calls to begin. They are part of `state` already, so that they are durable before they are made. */
  readonly intents: readonly Intent[];
  /** When to look again though nothing happens, epoch ms; null when only an outcome or an operator moves the run. */
  readonly dueAt: number | null;
}

export interface TransitionParts {
  readonly definition: Definition;
  /** Epoch ms. */
  readonly now: number;
  /** [0, 1): jitter. */
  readonly random: () => number;
}

/** When every attempt that was begun has either arrived or never will. */
export function settledFrom(call: CallState, step: Step): number {
  return (call.deadlineAt ?? 0) + step.settleMs;
}

export function hasAttempts(call: CallState, retry: RetryPolicy): boolean {
  return call.attempts - call.forgiven < retry.attempts;
}

export function retryOf(step: Step, direction: Direction): RetryPolicy {
  return direction === "do" ? step.retry : (step.compensate?.retry ?? step.retry);
}

/** True after the pivot: what failed there is tried again, never undone. */
export function isForwardOnly(step: Step, { steps }: Definition): boolean {
  const pivot = steps.find((each) => each.pivot);
  return pivot !== undefined && (ancestorsOf(steps).get(step.name)?.has(pivot.name) ?? false);
}

/** What a run is called while it goes one way. */
export function going(direction: Direction): "running" | "compensating" {
  return direction === "do" ? "running" : "compensating";
}

/** Why a run cannot be turned around to undo what it did; null when it can. */
export function refusalToTurn(
  { status, direction, steps }: RunState,
  wish: "cancelled" | "compensated",
  definition: Definition,
): string | null {
  if (direction === "undo")
    return status === "compensating" ? "it is being undone already" : `it is ${status}`;
  if (status === "completed" && wish === "cancelled") return "it is completed";
  const pivot = definition.steps.find((step) => step.pivot);
  const reached = pivot === undefined ? "pending" : steps[pivot.name]?.do.status;
  if (reached === "pending" || reached === "failed" || reached === "skipped") return null;
  return `its point of no return, step ${pivot?.name}, ${reached === "done" ? "is done" : "may have been passed"}`;
}
