import type { Definition } from "../definition/definition.ts";
import { refusalToTurn } from "../engine/rules.ts";
import type { Journal, RunRecord } from "../journal/journal.ts";
import { type Order, refuseRun } from "./refuse-run.ts";
import { resume } from "./say.ts";

/** `cancel` is for runs that are not over; `compensate` undoes one that is completed as well. */
export type TurnVerb = "cancel" | "compensate";

/** What must be known of a run to turn it around. */
export interface TurnParts {
  readonly definition: Definition;
  /** Runs of the same root, oldest first. */
  readonly family: readonly RunRecord[];
}

/** Throws RUN_STATE where the run cannot be turned around. */
export function refuseTurn(record: RunRecord, verb: TurnVerb, { definition, family }: TurnParts): void {
  const { state } = record;
  const { runId, status, direction } = state;
  const why = refusalToTurn(state, verb === "cancel" ? "cancelled" : "compensated", definition);
  const newest = family.at(-1)?.state.runId ?? runId;
  if (why === null && newest !== runId) {
    // It took over what this one did: undone here, that would be missing there.
    const taken = `it was replayed, and run ${newest} goes on from what it did`;
    throw refuseRun(record, "undone", taken, `dcs saga compensate ${newest} --reason "…"`);
  }
  if (why === null) return;
  const isStuck = status === "parked" && direction === "undo";
  const said = isStuck ? "it was being undone when it was parked" : why;
  const canUndo = verb === "cancel" && refusalToTurn(state, "compensated", definition) === null;
  const instead = canUndo ? `undo it: dcs saga compensate ${runId} --reason "…"` : undefined;
  throw refuseRun(
    record,
    verb === "cancel" ? "cancelled" : "undone",
    said,
    isStuck ? resume(runId) : instead,
  );
}

/** Asks for a run to be turned around: nothing more is begun, and what it did is undone. RUN_STATE, RUN_NOT_FOUND. */
export async function turnRun(
  journal: Pick<Journal, "request">,
  runId: string,
  verb: TurnVerb,
  { actor, reason, ...parts }: Order & TurnParts,
): Promise<RunRecord> {
  return journal.request(runId, (record) => {
    refuseTurn(record, verb, parts);
    return {
      event: { type: verb === "cancel" ? "cancelled" : "compensated", message: `${reason} (${actor})` },
      audit: { verb: `saga.${verb}`, actor, reason, details: { status: record.state.status } },
    };
  });
}
