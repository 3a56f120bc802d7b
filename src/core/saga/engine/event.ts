import type { Json } from "../definition/expression.ts";
import type { Direction, StepState } from "./run-state.ts";

/** What an attempt came to. */
export type Outcome =
  | { readonly kind: "done"; readonly output: Json }
  /** It certainly had no effect, and the service will not have it. */
  | { readonly kind: "failed"; readonly message: string }
  /** It certainly had no effect, because it never got there. */
  | { readonly kind: "not-sent"; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string }
  /** The service says that the key was used for something else: only a person can tell what that means. */
  | { readonly kind: "refused"; readonly message: string };

/** What a probe came to. */
export type ProbeAnswer =
  | { readonly kind: "done"; readonly output: Json }
  | { readonly kind: "not-done" }
  | { readonly kind: "unknown"; readonly message: string };

/** Everything that can happen to a run. */
export type RunEvent =
  | { readonly type: "started" }
  | { readonly type: "due" }
  /** The worker that had the run is gone: what was under way may or may not have taken effect. */
  | { readonly type: "taken-over" }
  /** Nobody gets anywhere with it: a person must look. */
  | { readonly type: "given-up"; readonly message: string }
  | {
      readonly type: "outcome";
      readonly step: string;
      readonly direction: Direction;
      readonly attempt: number;
      readonly outcome: Outcome;
    }
  | { readonly type: "probed"; readonly step: string; readonly answer: ProbeAnswer }
  | { readonly type: "cancelled"; readonly message: string }
  | { readonly type: "compensated"; readonly message: string }
  | { readonly type: "resumed" }
  | {
      readonly type: "resolved";
      readonly step: string;
      readonly direction: Direction;
      readonly as: "done" | "not-done";
      readonly output: Json;
    }
  /** A parked run goes on from other states of its steps, as a plan said. */
  | {
      readonly type: "replayed";
      readonly input: Json;
      readonly steps: Readonly<Record<string, StepState>>;
    };
