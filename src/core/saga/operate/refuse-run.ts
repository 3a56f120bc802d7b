import { DcsError } from "../../errors.ts";
import type { RunRecord } from "../journal/journal.ts";

/** Who asks for something, and why: kept in the audit. */
export interface Order {
  /** user@host. */
  readonly actor: string;
  readonly reason: string;
}

/** RUN_STATE: what was asked for does not fit; `hint` is what to type instead. */
export function refuseRun(
  { state }: Pick<RunRecord, "state">,
  verb: string,
  why: string,
  hint?: string,
): DcsError {
  const { runId, status } = state;
  return new DcsError("RUN_STATE", `run ${runId} cannot be ${verb}: ${why}`, {
    details: { run: runId, status },
    hint: hint ?? `dcs saga why ${runId}`,
  });
}
