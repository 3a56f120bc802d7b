import type { Definition } from "../definition/definition.ts";
import { refusalToTurn } from "../engine/rules.ts";
import type { Journal, RunRecord } from "../journal/journal.ts";
import { type Order, refuseRun } from "./refuse-run.ts";
import { resume } from "./say.ts";

/** `cancel` is for runs that are not over; `compensate` undoes one that is completed as well. */
export type TurnVerb = "cancel" | "compensate";

export interface TurnParts {
  readonly definition: Definition;
  /** Runs of the same root, oldest first. */
  readonly family: readonly RunRecord[];
}

/** Throws RUN_STATE where the run cannot be turned around. */
export function refuseTurn(record: RunRecord, verb: TurnVerb, { definition, family }: TurnParts): void {
  const { state } = record;
  const newest = family.at(-1)?.state.runId ?? state.runId;
  if (newest !== state.runId) {
    // What it did is the newer run's now: undone here, that one would go on as if it stood.
    const hint = `undo that one: dcs saga ${verb} ${newest} --reason "…"`;
    throw refuseRun(record, verb === "cancel" ? "cancelled" : "undone", `run ${newest} continues it`, hint);
  }
  const { runId, status, direction } = state;
  const why = refusalToTurn(state, verb === "cancel" ? "cancelled" : "compensated", definition);
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
  journal: Pick<Journal, "request" | "family">,
  { state }: Pick<RunRecord, "state">,
  verb: TurnVerb,
  { actor, reason, definition }: Order & Pick<TurnParts, "definition">,
): Promise<RunRecord> {
  const family = await journal.family(state.rootId);
  return journal.request(state.runId, (record) => {
    refuseTurn(record, verb, { definition, family });
    return {
      event: { type: verb === "cancel" ? "cancelled" : "compensated", message: `${reason} (${actor})` },
      audit: { verb: `saga.${verb}`, actor, reason, details: { status: record.state.status } },
    };
  });
}
