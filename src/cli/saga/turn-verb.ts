import { refuseTurn, type TurnVerb, turnRun } from "../../core/saga/operate/turn-run.ts";
import { type TurnAction, turnActionSchema, turnPlan } from "../../core/saga/operate/verb-plan.ts";
import type { RunVerb, VerbFlags, VerbLook } from "./run-verb.ts";

/** `saga cancel` and `saga compensate`. */
export function turnVerb(verb: TurnVerb, { reason }: Pick<VerbFlags, "reason">): RunVerb<TurnAction> {
  return {
    kind: `saga.${verb}`,
    schema: turnActionSchema,
    typed: ({ record }) => ({ run: record.state.runId, reason: reason ?? null }),
    plan: async (action, { record, definition, where, opened }) => {
      refuseTurn(record, verb, { definition, family: await familyOf(record, opened) });
      return turnPlan(verb, record, action, { definition, where });
    },
    ask: async ({ run }, { opened, definition, record }, order) => {
      const family = await familyOf(record, opened);
      const asked = await turnRun(opened.sagas.journal, run, verb, { ...order, definition, family });
      return asked.state.runId;
    },
  };
}

function familyOf({ state }: VerbLook["record"], { sagas }: VerbLook["opened"]) {
  return sagas.journal.family(state.rootId);
}
