import { checkInput } from "../../core/saga/definition/check-input.ts";
import type { Definition } from "../../core/saga/definition/definition.ts";
import type { Json } from "../../core/saga/definition/expression.ts";
import { beginReplay } from "../../core/saga/operate/begin-replay.ts";
import { planReplay, type ReplayPlan } from "../../core/saga/operate/replay-plan.ts";
import { replayRequests } from "../../core/saga/operate/replay-requests.ts";
import {
  type ReplayActionAsked,
  replayActionSchema,
  replayFilePlan,
} from "../../core/saga/operate/verb-plan.ts";
import { newRunId } from "../../core/saga/run/run-id.ts";
import type { ProcessSecrets } from "../../core/saga/secrets/process-secrets.ts";
import { openInput, sealInput } from "../../core/saga/secrets/seal-input.ts";
import { typedInput } from "./run-flags.ts";
import type { RunVerb, VerbFlags, VerbLook } from "./run-verb.ts";

/** What was typed of a replay. */
export interface ReplayInput extends Pick<VerbFlags, "reason"> {
  readonly from: string | undefined;
  readonly input: readonly string[] | undefined;
  readonly newKey: boolean;
}

/** `saga replay`. */
export function replayVerb(input: ReplayInput): RunVerb<ReplayActionAsked> {
  return {
    kind: "saga.replay",
    schema: replayActionSchema,
    typed: async ({ record, definition, opened }) => ({
      run: record.state.runId,
      reason: input.reason ?? null,
      from: input.from ?? null,
      input: changedInput(record.state.input, input.input ?? [], definition, opened.secrets),
      newKey: input.newKey,
      child: newRunId(await opened.sagas.journal.now()),
    }),
    plan: async (action, look) =>
      replayFilePlan(await planned(action, look), look.record, action, look.where),
    ask: async (action, look, order) => {
      const { sagas } = look.opened;
      const { from, newKey, input: changed } = action;
      return beginReplay(await planned(action, look), look.record, {
        ...order,
        journal: sagas.journal,
        startChild: (run) => sagas.startChild(run),
        details: { from, newKey, inputChanged: changed !== null },
      });
    },
  };
}

async function planned(action: ReplayActionAsked, look: VerbLook): Promise<ReplayPlan> {
  const { record, definition, opened } = look;
  const { journal } = opened.sagas;
  const { from, newKey, child, input } = action;
  return planReplay(
    record,
    { from, input, newKey, definition: null },
    {
      definition,
      family: await journal.family(record.state.rootId),
      prepare: replayRequests({ caller: opened.caller, secrets: opened.secrets, record }),
      childId: child,
      now: await journal.now(),
    },
  );
}

/** The run's input with what was typed in it, checked and sealed; null where nothing was. */
function changedInput(
  before: Json,
  pairs: readonly string[],
  definition: Definition,
  { sealer }: ProcessSecrets,
): Json {
  if (pairs.length === 0) return null;
  const input = { ...openInput(definition, before, sealer), ...typedInput(definition, pairs) };
  return sealInput(definition, checkInput(definition, input), sealer);
}
