import { callKey, type Direction } from "../engine/run-state.ts";
import type { RunRecord } from "../journal/journal.ts";
import { mayHaveEffect } from "./call-facts.ts";
import { ENDED } from "./run-view.ts";

/** A call of which it is not known whether it took effect. */
export interface UnknownCall {
  readonly run: string;
  readonly saga: string;
  readonly step: string;
  readonly direction: Direction;
  /** `asking` dcs is finding out; `parked` a person must. */
  readonly state: "asking" | "parked";
  readonly attempts: number;
  readonly key: string;
  /** Since its first attempt, ms; null where there was none. */
  readonly sinceMs: number | null;
  readonly error: string | null;
}

/** Those of a run that has not ended. An attempt under way whose answer is simply awaited is none. `now`: the journal's time. */
export function unknownCalls({ state, saga }: RunRecord, now: number): readonly UnknownCall[] {
  const { runId, rootId, steps, status } = state;
  if (ENDED.includes(status)) return [];
  return Object.entries(steps).flatMap(([step, both]) =>
    (["do", "undo"] as const).flatMap((direction): readonly UnknownCall[] => {
      const call = both[direction];
      const isOpen = ["unknown", "parked", "intent"].includes(call.status);
      const isFirst = call.status === "intent" && !call.everUnknown && status !== "parked";
      if (!isOpen || isFirst || !mayHaveEffect(call)) return [];
      return [
        {
          ...{ run: runId, saga, step, direction },
          state: call.status === "parked" || status === "parked" ? "parked" : "asking",
          attempts: call.attempts,
          key: callKey(rootId, step, direction, call.generation),
          sinceMs: call.firstSentAt === null ? null : Math.max(0, now - call.firstSentAt),
          error: call.error?.message ?? null,
        },
      ];
    }),
  );
}
