import type { Definition, Step } from "../definition/definition.ts";

/** How a step differs between two definitions. */
export interface StepDifference {
  readonly step: string;
  readonly what: "added" | "removed" | "changed";
  /** What of it changed: `action`, `retry`; empty unless it is there in both. */
  readonly keys: readonly string[];
}

/** What a new definition says differently of its steps. */
export function definitionDifference(before: Definition, after: Definition): readonly StepDifference[] {
  const old = new Map(before.steps.map((step) => [step.name, step]));
  const kept = new Set(after.steps.map(({ name }) => name));
  return [
    ...after.steps.flatMap((step): readonly StepDifference[] => {
      const was = old.get(step.name);
      if (was === undefined) return [{ step: step.name, what: "added", keys: [] }];
      const keys = changedKeys(was, step);
      return keys.length === 0 ? [] : [{ step: step.name, what: "changed", keys }];
    }),
    ...before.steps
      .filter(({ name }) => !kept.has(name))
      .map(({ name }): StepDifference => ({ step: name, what: "removed", keys: [] })),
  ];
}

function changedKeys(before: Step, after: Step): readonly string[] {
  const keys = Object.keys(after) as (keyof Step)[];
  // A template is its source in JSON, and both were built in the same order.
  return keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}
