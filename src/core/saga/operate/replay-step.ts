import type { Definition, Step } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import type { Direction, StepState } from "../engine/run-state.ts";

/**
 * What a replay does with a step. `REUSE` nothing is sent, what is there stays; `RE-EXECUTE` its action is sent; `PROBE` what
 * became of it is found out first, under its own key; `COMPENSATE` it is undone; `BLOCKED` it cannot be decided: nothing of
 * the plan can be done.
 */
export type ReplayAction = "REUSE" | "RE-EXECUTE" | "PROBE" | "COMPENSATE" | "BLOCKED";

export interface ReplayStep {
  readonly name: string;
  readonly action: ReplayAction;
  readonly reason: string;
  readonly direction: Direction;
  readonly generation: number;
  /** What the call carries that is made next; null where none is. */
  readonly key: string | null;
  /** The effect that is declared to count no more, and stays where it is; null where there is none. */
  readonly supersedes: { readonly generation: number; readonly key: string } | null;
  /** What would be sent, secrets taken out; null where nothing is, or where it depends on what is not there yet. */
  readonly request: Json;
  /** What to type first, where it is blocked. */
  readonly hint: string | null;
}

/** A decision, and how the step stands when the replay begins. */
export interface DecidedStep {
  readonly shown: ReplayStep;
  /** Null where the new definition has no such step. */
  readonly state: StepState | null;
}

/** A call as it would be made. */
export interface ReplayCall {
  /** The definition that the step is of. */
  readonly definition: Definition;
  readonly step: Step;
  readonly direction: Direction;
  readonly asks: "effect" | "probe";
  readonly generation: number;
  /** Of a compensation the generation of the action that it undoes; null elsewhere. */
  readonly actionGeneration: number | null;
  readonly attempt: number;
  /** The run that would make it. */
  readonly runId: string;
  readonly input: Json;
  /** Of the steps whose output is there, by name. */
  readonly outputs: Readonly<Record<string, Json>>;
}

/** Works a call out without sending it, as `Caller.prepare` does. Throws an Error where an expression has no value. */
export type PrepareReplay = (call: ReplayCall) => { readonly inputHash: string; readonly shown: Json };
