import { resolve } from "node:path";
import { DcsError } from "../../core/errors.ts";
import { checkInput } from "../../core/saga/definition/check-input.ts";
import type { Definition } from "../../core/saga/definition/definition.ts";
import type { Json } from "../../core/saga/definition/expression.ts";
import { type ReadDefinition, readDefinition } from "../../core/saga/definition/read-definition.ts";
import { beginReplay } from "../../core/saga/operate/begin-replay.ts";
import { planReplay, type ReplayPlan } from "../../core/saga/operate/replay-plan.ts";
import { replayRequests } from "../../core/saga/operate/replay-requests.ts";
import {
  type ReplayActionAsked,
  replayActionSchema,
  replayFilePlan,
} from "../../core/saga/operate/verb-plan.ts";
import { newRunId } from "../../core/saga/run/run-id.ts";
import { openInput, sealInput } from "../../core/saga/secrets/seal-input.ts";
import { typedInput } from "./run-flags.ts";
import type { RunVerb, VerbFlags, VerbLook } from "./run-verb.ts";

/** What was typed of a replay. */
export interface ReplayInput extends Pick<VerbFlags, "reason"> {
  readonly from: string | undefined;
  readonly input: readonly string[] | undefined;
  readonly newKey: boolean;
  /** File of another definition. */
  readonly definition: string | undefined;
}

/** `saga replay`. */
export function replayVerb(input: ReplayInput): RunVerb<ReplayActionAsked> {
  return {
    kind: "saga.replay",
    schema: replayActionSchema,
    typed: async (look) => {
      const read = input.definition === undefined ? null : await readDefinition(input.definition);
      return {
        run: look.record.state.runId,
        reason: input.reason ?? null,
        from: input.from ?? null,
        input: changedInput(input.input ?? [], read?.definition ?? null, look),
        newKey: input.newKey,
        definition: read === null ? null : { file: resolve(input.definition ?? ""), hash: read.hash },
        child: newRunId(await look.opened.sagas.journal.now()),
      };
    },
    plan: async (action, look) =>
      replayFilePlan(await planned(action, look), look.record, action, look.where),
    ask: async (action, look, order) => {
      const { sagas } = look.opened;
      const { from, newKey, input: changed, definition } = action;
      const read = await readAsPlanned(definition);
      if (read !== null) await sagas.definitions.put(read);
      return beginReplay(await planned(action, look), look.record, {
        ...order,
        journal: sagas.journal,
        startChild: (run) => sagas.startChild(run),
        details: { from, newKey, inputChanged: changed !== null, definition: definition?.hash ?? null },
      });
    },
  };
}

async function planned(action: ReplayActionAsked, look: VerbLook): Promise<ReplayPlan> {
  const { record, definition, opened } = look;
  const { journal } = opened.sagas;
  const { from, newKey, child, input } = action;
  const read = await readAsPlanned(action.definition);
  return planReplay(
    record,
    { from, input, newKey, definition: read },
    {
      definition,
      family: await journal.family(record.state.rootId),
      prepare: replayRequests({ caller: opened.caller, secrets: opened.secrets, record }),
      childId: child,
      now: await journal.now(),
    },
  );
}

/** The file of another definition, which must still say what it said. FILE_INVALID, SAGA_INVALID. */
async function readAsPlanned(asked: ReplayActionAsked["definition"]): Promise<ReadDefinition | null> {
  if (asked === null) return null;
  const read = await readDefinition(asked.file);
  if (read.hash === asked.hash) return read;
  throw new DcsError("FILE_INVALID", `${asked.file}: it says something else than when the plan was made`, {
    details: { file: asked.file, planned: asked.hash, present: read.hash },
    hint: "look again and make a new plan: --dry-run --out FILE",
  });
}

/** The run's input with what was typed in it, checked and sealed; null where neither it nor what it is for is another. */
function changedInput(
  pairs: readonly string[],
  next: Definition | null,
  { record, definition, opened }: VerbLook,
): Json {
  if (pairs.length === 0 && next === null) return null;
  const { sealer } = opened.secrets;
  const target = next ?? definition;
  const input = { ...openInput(definition, record.state.input, sealer), ...typedInput(target, pairs) };
  return sealInput(target, checkInput(target, input), sealer);
}
