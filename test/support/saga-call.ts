import { ActionCaller, type ActionCallerOptions } from "../../src/core/saga/call/action-caller.ts";
import type { PreparedCall } from "../../src/core/saga/call/call.ts";
import { contextsOf } from "../../src/core/saga/call/contexts.ts";
import type { Json } from "../../src/core/saga/definition/expression.ts";
import { parseDefinition } from "../../src/core/saga/definition/read-definition.ts";
import type { Outcome } from "../../src/core/saga/engine/event.ts";
import { newRun } from "../../src/core/saga/engine/new-run.ts";
import { callKey, type Direction, type RunState, UNTOUCHED } from "../../src/core/saga/engine/run-state.ts";
import { processSecrets } from "../../src/core/saga/secrets/process-secrets.ts";
import { systemClock } from "../../src/core/util/clock.ts";

/** A caller of this test, for services nobody asks for unless a store is given. */
export function caller(over: Partial<ActionCallerOptions> = {}): ActionCaller {
  const store = () => Promise.reject(new Error("no store here"));
  return new ActionCaller({ store, clock: systemClock, env: process.env, ...over });
}

export interface CallWish {
  readonly input?: Json;
  /** Outputs of the steps that are done. */
  readonly outputs?: Readonly<Record<string, Json>>;
  readonly direction?: Direction;
  readonly asks?: "effect" | "probe";
  readonly attempt?: number;
  readonly generation?: number;
  readonly runId?: string;
  readonly env?: Readonly<NodeJS.ProcessEnv>;
  /** Of the directory that programs and modules are in. */
  readonly directory?: string;
}

/** The call of the last step of a definition in YAML. */
export async function prepared(
  using: ActionCaller,
  yaml: string,
  wish: CallWish = {},
): Promise<PreparedCall> {
  const { input = {}, outputs = {}, direction = "do", asks = "effect", attempt = 1, generation = 1 } = wish;
  const { runId = "run-1", env = {}, directory = "/tmp" } = wish;
  const { definition, hash } = await parseDefinition(yaml, `${directory}/saga.yaml`);
  const step = definition.steps.at(-1);
  if (step === undefined) throw new Error("no step");
  const begun = newRun(definition, { runId, defHash: hash, input });
  const done = Object.entries(outputs).map(([name, output]) => [
    name,
    { do: { ...UNTOUCHED, status: "done", output }, undo: UNTOUCHED },
  ]);
  const state: RunState = { ...begun, steps: { ...begun.steps, ...Object.fromEntries(done) } };
  const actionKey = direction === "undo" ? callKey(runId, step.name, "do", generation) : null;
  const key = callKey(runId, step.name, direction, generation);
  const saga = definition.saga;
  const identity = { runId, rootId: runId, saga, step: step.name, direction, asks, key, actionKey, attempt };
  const contexts = contextsOf({ definition, state, step, identity, secrets: processSecrets(env) });
  const forth = asks === "probe" ? step.probe : step.action;
  const action = direction === "undo" ? step.compensate?.action : forth;
  if (action === undefined || action === null) throw new Error("no such action");
  return using.prepare(action, identity, contexts, step);
}

/** A saga of one step with that action (JSON is YAML). */
export function sagaOf(action: object, more: object = {}): string {
  return JSON.stringify({ saga: "s", ...more, steps: [{ name: "a", action, probe: action }] });
}

export async function send(call: PreparedCall, timeoutMs = 5000, signal?: AbortSignal): Promise<Outcome> {
  return call.send({ timeoutMs, signal: signal ?? new AbortController().signal });
}
