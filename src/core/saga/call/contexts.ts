import type { Definition, Step } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import { ancestorsOf } from "../definition/step-graph.ts";
import type { RunState } from "../engine/run-state.ts";
import type { ProcessSecrets } from "../secrets/process-secrets.ts";
import { Redactor } from "../secrets/redactor.ts";
import { markedInput, openInput, secretsOf } from "../secrets/seal-input.ts";
import type { CallContexts, CallIdentity } from "./call.ts";

export interface ContextParts {
  readonly definition: Definition;
  readonly state: RunState;
  readonly step: Step;
  readonly identity: Pick<CallIdentity, "direction" | "key" | "actionKey">;
  readonly secrets: ProcessSecrets;
}

/**
 * What one call of a run may read: its input in the clear, the outputs of the steps before it (of a compensation also its
 * own step's, where that is done), key, action key, run, secrets. Other steps are left out though they may be done, so that
 * every attempt of a call reads the same. CONFIG_INVALID or JOURNAL_CORRUPT where the input cannot be opened.
 */
export function contextsOf({ definition, state, step, identity, secrets }: ContextParts): CallContexts {
  const input = openInput(definition, state.input, secrets.sealer);
  const steps = outputsOf(definition, state, step, identity.direction === "undo");
  const { key, actionKey } = identity;
  const hidden = Object.keys(secrets.values).map((name) => [name, `{secrets.${name}}`]);
  return {
    values: { input, steps, run: state.runId, key, actionKey, secrets: secrets.values },
    hashed: {
      input: markedInput(definition, input, secrets.sealer),
      steps,
      run: "{run}",
      key: "{key}",
      actionKey: "{actionKey}",
      // A credential that was renewed does not make another request.
      secrets: Object.fromEntries(hidden) as Readonly<Record<string, Json>>,
    },
    directory: definition.directory,
    redactor: new Redactor([...Object.values(secrets.values), ...secretsOf(definition, input)]),
  };
}

function outputsOf(definition: Definition, state: RunState, step: Step, isUndo: boolean): Json {
  const before = ancestorsOf(definition.steps).get(step.name) ?? new Set();
  const names = definition.steps.map(({ name }) => name);
  const outputs = names.flatMap((name): [string, Json][] => {
    const mayRead = before.has(name) || (isUndo && name === step.name);
    const call = state.steps[name]?.do;
    return mayRead && call?.status === "done" ? [[name, { output: call.output }]] : [];
  });
  return Object.fromEntries(outputs);
}
