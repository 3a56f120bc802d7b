import { createHash } from "node:crypto";
import type { Action, TemplateTree } from "../../../../src/core/saga/definition/definition.ts";
import type { Contexts, Json } from "../../../../src/core/saga/definition/expression.ts";
import { Template } from "../../../../src/core/saga/definition/template.ts";
import type { PrepareReplay, ReplayCall } from "../../../../src/core/saga/operate/replay-step.ts";

/** Works out requests as the callers do, as far as the tests' definitions need it. */
export const prepare: PrepareReplay = (call) => {
  const { step, asks, direction } = call;
  const action = asks === "probe" ? step.probe : direction === "do" ? step.action : step.compensate?.action;
  if (action === null || action === undefined) throw new Error("there is nothing to send");
  const shown = bodyOf(action, contextsOf(call));
  return { shown, inputHash: createHash("sha256").update(JSON.stringify(shown)).digest("hex") };
};

/** What was sent for a call, as the journal keeps it. */
export function hashOf(call: Pick<ReplayCall, "definition" | "step" | "input" | "outputs">): string {
  return prepare({
    direction: "do",
    asks: "effect",
    generation: 1,
    actionGeneration: null,
    attempt: 1,
    runId: "r",
    ...call,
  }).inputHash;
}

function contextsOf({ input, outputs }: ReplayCall): Contexts {
  const steps = Object.entries(outputs).map(([name, output]): [string, Json] => [name, { output }]);
  return { input, steps: Object.fromEntries(steps) };
}

function bodyOf(action: Action, contexts: Contexts): Json {
  if (action.type !== "http") throw new Error(`${action.type} is not needed here`);
  return { url: action.url.text(contexts), body: workedOut(action.body ?? null, contexts) };
}

function workedOut(tree: TemplateTree, contexts: Contexts): Json {
  if (tree instanceof Template) return tree.value(contexts);
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, each]: [string, TemplateTree]) => [key, workedOut(each, contexts)]),
  );
}
