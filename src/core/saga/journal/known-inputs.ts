import type { RunState } from "../engine/run-state.ts";
import type { Change, RunRecord } from "./journal.ts";

/**
 * Which inputs the database has already: a large one would else be sent with every transition. States are plain data that
 * nobody changes, and each is made of the one before, so the same object is the same input.
 */
export class KnownInputs {
  readonly #runs = new WeakMap<object, string>();

  add({ runId, input }: RunState): void {
    if (typeof input === "object" && input !== null) this.#runs.set(input, runId);
  }

  addAll(runs: readonly RunRecord[]): readonly RunRecord[] {
    for (const { state } of runs) this.add(state);
    return runs;
  }

  /** False also wherever an operator may have asked for another: it may be the one before the last. */
  has({ state, takenUp }: Change): boolean {
    const { runId, input } = state;
    if (takenUp !== null || typeof input !== "object" || input === null) return false;
    return this.#runs.get(input) === runId;
  }
}
