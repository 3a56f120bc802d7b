import type { Step } from "../definition/definition.ts";
import type { CallState, StepState } from "../engine/run-state.ts";

/** Its compensation may have been sent, so that its key means something else to the service from now on. */
export function isUndoBegun({ status, attempts }: CallState): boolean {
  return attempts > 0 || (status !== "pending" && status !== "skipped");
}

/** It is done, and nobody began to undo it. */
export function stands({ do: call, undo }: StepState): boolean {
  return call.status === "done" && !isUndoBegun(undo);
}

/** It is not known whether it took effect. */
export function mayHaveEffect({ status, everUnknown, error }: CallState): boolean {
  return status === "intent" || status === "unknown" || everUnknown || error?.kind === "refused";
}

/** As it was before it was parked, with a fresh budget. */
export function again(call: CallState, now: number): CallState {
  const isUnknown = call.everUnknown || call.status === "intent" || call.status === "unknown";
  return {
    ...call,
    status: isUnknown ? "unknown" : "pending",
    everUnknown: isUnknown,
    asks: "effect",
    forgiven: call.attempts,
    probes: 0,
    notBefore: now,
  };
}

/** True while the service still knows the key. */
export function isKeyKnown({ firstSentAt }: CallState, step: Step, now: number): boolean {
  return firstSentAt === null || now < firstSentAt + step.keyTtlMs;
}

/** What was said last, in brackets. */
export function saying({ error }: CallState): string {
  return error === null ? "" : ` (${error.message})`;
}
