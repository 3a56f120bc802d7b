import { formatDuration } from "../../util/duration.ts";
import type { Cause, Direction } from "../engine/run-state.ts";

/** Why a run turned around or stopped, as the rest of a sentence. */
export function sayCause({ type, step, message }: Cause): string {
  switch (type) {
    case "failed":
      return `step ${step} failed: ${message}`;
    case "cancelled":
      return `it was cancelled: ${message}`;
    case "compensated":
      return `an operator wanted it undone: ${message}`;
    case "parked":
      return step === null ? message : `step ${step} needs a decision: ${message}`;
  }
}

/** A call of a step for people. */
export function nameOf(step: string, direction: Direction): string {
  return direction === "do" ? `step ${step}` : `the compensation of step ${step}`;
}

/** A moment with how far it is from now. */
export function moment(ms: number, now: number): string {
  const distance = formatDuration(Math.abs(ms - now));
  return `${new Date(ms).toISOString()} (${ms > now ? `in ${distance}` : `${distance} ago`})`;
}

/** The command that lets a run go on. */
export function resume(runId: string): string {
  return `dcs saga resume ${runId} --reason "…"`;
}

/** The commands that say what became of a call: one each, so that either can be pasted. */
export function resolves(runId: string, step: string, direction: Direction): readonly string[] {
  const undo = direction === "undo" ? " --undo" : "";
  return ["done", "not-done"].map(
    (as) => `dcs saga resolve ${runId} ${step}${undo} --as ${as} --evidence "…" --reason "…"`,
  );
}
