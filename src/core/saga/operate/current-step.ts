import type { CallState, CallStatus, Direction, RunState } from "../engine/run-state.ts";

/** The call that tells most of where a run stands. */
export interface CurrentStep {
  readonly step: string;
  readonly direction: Direction;
  readonly call: CallState;
}

const MOST: readonly CallStatus[] = ["parked", "unknown", "intent", "failed"];

/** What stops it, else what is under way, else what failed, else what is tried again; null where nothing was begun. */
export function currentStep({ steps, direction }: RunState): CurrentStep | null {
  const calls = Object.entries(steps).flatMap(([step, both]): CurrentStep[] => [
    { step, direction: "undo", call: both.undo },
    { step, direction: "do", call: both.do },
  ]);
  for (const status of MOST) {
    const found = calls.find(({ call }) => call.status === status);
    if (found !== undefined) return found;
  }
  const again = calls.find(({ call, direction: way }) => {
    return way === direction && call.status === "pending" && call.attempts > 0;
  });
  return again ?? null;
}
