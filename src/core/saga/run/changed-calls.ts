import { type CallState, callKey, type Direction, type RunState } from "../engine/run-state.ts";
import type { CallChange } from "../journal/journal.ts";
import type { StartableCall } from "./run-calls.ts";

const DIRECTIONS: readonly Direction[] = ["do", "undo"];

/** The rows that a transition changes. States are never changed in place, so a call that is another object differs. */
export function changedCalls(
  before: RunState,
  after: RunState,
  begun: readonly StartableCall[],
): readonly CallChange[] {
  return Object.entries(after.steps).flatMap(([step, state]) =>
    DIRECTIONS.filter((direction) => before.steps[step]?.[direction] !== state[direction]).map(
      (direction) => {
        const own = begun.find(({ intent }) => intent.step === step && intent.direction === direction);
        return callChange(after, step, direction, own?.inputHash ?? null);
      },
    ),
  );
}

/** True where nothing differs but calls, if those. */
export function isSameRun(before: RunState, after: RunState): boolean {
  const { status, direction, cause, input } = before;
  const isOnItsWay = after.status === status && after.direction === direction;
  return isOnItsWay && after.cause === cause && after.input === input;
}

/** All rows of a new run. A compensation takes its generation only once it is begun. */
export function allCalls(state: RunState, begun: readonly StartableCall[] = []): readonly CallChange[] {
  return Object.keys(state.steps).flatMap((step) =>
    DIRECTIONS.map((direction) => {
      const own = begun.find(({ intent }) => intent.step === step && intent.direction === direction);
      const change = callChange(state, step, direction, own?.inputHash ?? null);
      return { ...change, isOwn: direction === "do" || change.isOwn };
    }),
  );
}

function callChange(
  state: RunState,
  step: string,
  direction: Direction,
  inputHash: string | null,
): CallChange {
  const call: CallState | undefined = state.steps[step]?.[direction];
  const generation = call?.generation ?? 1;
  const key = callKey(state.rootId, step, direction, generation);
  return { step, direction, key, inputHash, isOwn: (call?.attempts ?? 0) > 0 };
}
