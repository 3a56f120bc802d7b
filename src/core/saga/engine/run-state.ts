import { hash } from "node:crypto";
import type { Json } from "../definition/expression.ts";

/**
 * Where a run stands. Plain data: the journal writes it down and reads it back, and only `transition.ts` makes a new one
 * of it. All times are epoch ms of the journal's clock.
 */
export interface RunState {
  readonly runId: string;
  /** The run whose keys this one continues; its own id unless it replays another. */
  readonly rootId: string;
  readonly parentRun: string | null;
  readonly defHash: string;
  readonly status: RunStatus;
  /** Which way it goes; a parked run goes on this way when it is resumed. */
  readonly direction: Direction;
  readonly input: Json;
  /** Why it turned around or stopped; null while all is well. */
  readonly cause: Cause | null;
  readonly steps: Readonly<Record<string, StepState>>;
}

export const RUN_STATUSES = [
  "running",
  "compensating",
  "completed",
  "compensated",
  "parked",
  "cancelled",
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** `do` is the action of a step, `undo` its compensation. */
export type Direction = "do" | "undo";

export interface Cause {
  readonly type: "failed" | "cancelled" | "compensated" | "parked";
  readonly step: string | null;
  readonly message: string;
}

export interface StepState {
  readonly do: CallState;
  readonly undo: CallState;
}

/**
 * `pending` nothing was sent, or what was sent had no effect; `intent` an attempt may be under way; `unknown` it is not known
 * whether an attempt took effect; `parked` an operator must say how to go on; `skipped` it will not be needed.
 */
export type CallStatus = "pending" | "intent" | "done" | "failed" | "unknown" | "parked" | "skipped";

/** One call of a step, over all its attempts. */
export interface CallState {
  readonly status: CallStatus;
  /** What an attempt under way asks: for the effect, or whether it is there. */
  readonly asks: "effect" | "probe";
  /** Grows when the call must be made anew under another key. */
  readonly generation: number;
  /** Attempts that were begun, probes not counted. */
  readonly attempts: number;
  /** Attempts that an operator has forgiven: the budget counts from here. */
  readonly forgiven: number;
  readonly probes: number;
  /** No attempt before this; of a probe under way, when it was begun. */
  readonly notBefore: number;
  /** When the first attempt under this key was begun; null before. */
  readonly firstSentAt: number | null;
  /** When the last attempt ends that may still be on its way; null when none is. */
  readonly deadlineAt: number | null;
  /** Some attempt under this key may have taken effect. */
  readonly everUnknown: boolean;
  readonly output: Json;
  readonly error: CallError | null;
}

export interface CallError {
  readonly kind: "not-sent" | "failed" | "unknown" | "refused";
  readonly message: string;
}

/** How the message of a call begins that could not even be made where the run was executed. */
export const NOTHING_SENT = "nothing was sent: ";

/** A call to be made now. It is durable before it is made. */
export interface Intent {
  readonly step: string;
  readonly direction: Direction;
  readonly asks: "effect" | "probe";
  readonly generation: number;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
}

export const UNTOUCHED: CallState = {
  status: "pending",
  asks: "effect",
  generation: 1,
  attempts: 0,
  forgiven: 0,
  probes: 0,
  notBefore: 0,
  firstSentAt: null,
  deadlineAt: null,
  everUnknown: false,
  output: null,
  error: null,
};

/** The key that every attempt of one call carries: the service takes effect once for each. 32 hex digits. */
export function callKey(rootId: string, step: string, direction: Direction, generation: number): string {
  return hash("sha256", JSON.stringify([rootId, step, direction, generation])).slice(0, 32);
}
