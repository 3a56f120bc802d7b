import type { Caller, CallIdentity } from "../call/call.ts";
import { contextsOf } from "../call/contexts.ts";
import { callKey, type RunState, type StepState, UNTOUCHED } from "../engine/run-state.ts";
import type { RunRecord } from "../journal/journal.ts";
import type { ProcessSecrets } from "../secrets/process-secrets.ts";
import type { PrepareReplay, ReplayCall } from "./replay-step.ts";

export interface ReplayRequestParts {
  readonly caller: Pick<Caller, "prepare">;
  readonly secrets: ProcessSecrets;
  /** The run that is replayed. */
  readonly record: RunRecord;
}

/** Works out what a replay would send, as it will be worked out when it is sent. */
export function replayRequests({ caller, secrets, record }: ReplayRequestParts): PrepareReplay {
  return (call) => {
    const { definition, step, direction, asks } = call;
    const action =
      asks === "probe" ? step.probe : direction === "do" ? step.action : (step.compensate?.action ?? null);
    if (action === null) throw new Error(`step ${step.name} has nothing to send there`);
    const state = stateOf(record, call);
    const identity = identityOf(call, state);
    const contexts = contextsOf({ definition, state, step, identity, secrets });
    const { inputHash, shown } = caller.prepare(action, identity, contexts, step);
    return { inputHash, shown };
  };
}

/** The run as far as a request can read it: its input, and the outputs that are there by then. */
function stateOf({ state }: RunRecord, { runId, input, outputs }: ReplayCall): RunState {
  const steps = Object.entries(outputs).map(([name, output]): [string, StepState] => [
    name,
    { do: { ...UNTOUCHED, status: "done", output }, undo: UNTOUCHED },
  ]);
  return { ...state, runId, input, steps: Object.fromEntries(steps) };
}

function identityOf(call: ReplayCall, { runId, rootId }: RunState): CallIdentity {
  const { definition, step, direction, asks, generation, actionGeneration, attempt } = call;
  return {
    ...{ runId, rootId, saga: definition.saga, step: step.name, direction, asks, attempt },
    key: callKey(rootId, step.name, direction, generation),
    actionKey: actionGeneration === null ? null : callKey(rootId, step.name, "do", actionGeneration),
  };
}
