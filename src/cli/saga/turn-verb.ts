import { refuseTurn, type TurnVerb, turnRun } from "../../core/saga/operate/turn-run.ts";
import { type TurnAction, turnActionSchema, turnPlan } from "../../core/saga/operate/verb-plan.ts";
import type { RunVerb, VerbFlags } from "./run-verb.ts";

/** `saga cancel` and `saga compensate`. */
export function turnVerb(verb: TurnVerb, { reason }: Pick<VerbFlags, "reason">): RunVerb<TurnAction> {
  return {
    kind: `saga.${verb}`,
    schema: turnActionSchema,
    typed: ({ record }) => ({ run: record.state.runId, reason: reason ?? null }),
    plan: async (action, { record, definition, where, opened }) => {
      const family = await opened.sagas.journal.family(record.state.rootId);
      refuseTurn(record, verb, { definition, family });
      return turnPlan(verb, record, action, { definition, where });
    },
    ask: async (_action, { opened, record, definition }, order) => {
      const asked = await turnRun(opened.sagas.journal, record, verb, { ...order, definition });
      return asked.state.runId;
    },
  };
}
