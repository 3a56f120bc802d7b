import type { YamlPath, YamlPlaces } from "../../util/yaml-places.ts";
import type { Action, Definition, Step } from "./definition.ts";
import type { Reference } from "./expression.ts";
import { ancestorsOf, findCycle } from "./step-graph.ts";
import { templatesOf } from "./templates-of.ts";

/** Something that is allowed and seldom meant. */
export interface DefinitionWarning {
  readonly step: string;
  readonly line: number;
  readonly message: string;
}

/**
 * What the schema cannot say: names, order, pivot, and that every expression reads what is there by then. SAGA_INVALID for
 * the first fault, with its place; returns what is doubtful.
 */
export function checkDefinition(definition: Definition, places: YamlPlaces): readonly DefinitionWarning[] {
  new Checker(definition, places).check();
  return warningsOf(definition, places);
}

class Checker {
  readonly #definition: Definition;
  readonly #places: YamlPlaces;
  readonly #ancestors: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(definition: Definition, places: YamlPlaces) {
    this.#definition = definition;
    this.#places = places;
    this.#ancestors = ancestorsOf(definition.steps);
  }

  check(): void {
    this.#names();
    this.#needs();
    this.#pivot();
    this.#inputs();
    for (const [index, step] of this.#definition.steps.entries()) this.#step(step, ["steps", index]);
  }

  #names(): void {
    const seen = new Map<string, number>();
    for (const [index, { name }] of this.#definition.steps.entries()) {
      const first = seen.get(name);
      if (first !== undefined) {
        const { line } = this.#places.at(["steps", first, "name"]);
        throw this.#error(
          ["steps", index, "name"],
          `"${name}" is the name of the step on line ${line} already`,
        );
      }
      seen.set(name, index);
    }
  }

  #needs(): void {
    const { steps } = this.#definition;
    const names = steps.map(({ name }) => name);
    for (const [index, step] of steps.entries()) {
      const unknown = step.needs.findIndex((need) => !names.includes(need));
      if (unknown < 0) continue;
      throw this.#error(
        ["steps", index, "needs", unknown],
        `there is no step "${step.needs[unknown]}"; there are ${names.join(", ")}`,
      );
    }
    const cycle = findCycle(steps);
    if (cycle === null) return;
    const at = names.indexOf(cycle[0] ?? "");
    throw this.#error(["steps", at, "needs"], `these steps wait for each other: ${cycle.join(" needs ")}`);
  }

  #pivot(): void {
    const { steps } = this.#definition;
    const [pivot, second] = steps.filter((step) => step.pivot);
    if (pivot === undefined) return;
    if (second !== undefined) {
      const at = steps.indexOf(second);
      throw this.#error(
        ["steps", at, "pivot"],
        `"${pivot.name}" is the pivot already; a saga has at most one point of no return`,
      );
    }
    for (const [index, step] of steps.entries()) {
      const isBefore = this.#before(pivot).has(step.name);
      const isAfter = this.#before(step).has(pivot.name);
      if (step !== pivot && !isBefore && !isAfter) {
        throw this.#error(
          ["steps", index, "name"],
          `"${step.name}" is neither before nor after the pivot "${pivot.name}", so nobody could say whether it may be undone; say it with needs`,
        );
      }
      if (step.compensate !== null && !isBefore) {
        const where = step === pivot ? "is the pivot" : `comes after the pivot "${pivot.name}"`;
        throw this.#error(
          ["steps", index, "compensate"],
          `"${step.name}" ${where} and is never undone; leave compensate out`,
        );
      }
    }
  }

  #inputs(): void {
    const names = Object.keys(this.#definition.input ?? {});
    for (const [index, name] of names.entries()) {
      const same = names.slice(0, index).find((each) => each.toLowerCase() === name.toLowerCase());
      if (same === undefined) continue;
      throw this.#error(["input", name], `expressions cannot tell "${name}" from "${same}"`);
    }
  }

  #step(step: Step, at: YamlPath): void {
    if (step.unknown === "probe" && step.probe === null) {
      throw this.#error(
        [...at, "unknown"],
        `probe needs a probe: say how to ask whether "${step.name}" took effect`,
      );
    }
    this.#action(step.action, [...at, "action"], step, []);
    if (step.probe !== null) this.#action(step.probe, [...at, "probe"], step, []);
    if (step.compensate !== null) {
      // What is sent when nothing is known of the action has no output of it to name.
      const own = step.compensate.nullSafe ? [] : [step.name];
      this.#action(step.compensate.action, [...at, "compensate"], step, own);
    }
  }

  #action(action: Action, at: YamlPath, step: Step, own: readonly string[]): void {
    for (const { template, path } of templatesOf(action)) {
      for (const reference of template.references) this.#reference(reference, [...at, ...path], step, own);
    }
    if (action.type === "http" && !/^(?:https?|service):\/\/|^$/.test(action.url.head)) {
      throw this.#error(
        [...at, "http"],
        `"${action.url.source}" must begin with http://, https:// or service://`,
      );
    }
    if (action.type === "exec") {
      const wrong = action.fail.findIndex((status, index) => action.fail.indexOf(status) !== index);
      if (wrong >= 0) throw this.#error([...at, "fail", wrong], `${action.fail[wrong]} is named twice`);
    }
  }

  #reference([context, name, ...rest]: Reference, at: YamlPath, step: Step, own: readonly string[]): void {
    if (context?.toLowerCase() === "input") this.#inputReference(name, at);
    if (context?.toLowerCase() !== "steps") return;
    if (name === undefined) throw this.#error(at, "steps must name a step: steps.NAME.output");
    const isThere = this.#definition.steps.some((each) => each.name === name);
    const may = [...this.#before(step), ...own];
    const choices = may.length === 0 ? "none" : may.join(", ");
    if (!isThere) throw this.#error(at, `steps.${name}: there is no such step; it may read: ${choices}`);
    if (rest[0] !== undefined && rest[0] !== "output") {
      throw this.#error(at, `steps.${name}.${rest[0]}: of a step only its output can be read`);
    }
    if (may.includes(name)) return;
    const why =
      name === step.name && at.includes("compensate")
        ? `a nullSafe compensation is sent when it is not known whether "${name}" took effect, so there may be no output; use actionKey`
        : `"${name}" need not be done by then; it may read: ${choices}`;
    throw this.#error(at, `steps.${name}.output may not exist: ${why}`);
  }

  #inputReference(name: string | undefined, at: YamlPath): void {
    const { input } = this.#definition;
    if (input === null || name === undefined) return;
    const names = Object.keys(input);
    if (names.some((each) => each.toLowerCase() === name.toLowerCase())) return;
    throw this.#error(at, `input.${name}: the saga takes no such input; it takes ${names.join(", ")}`);
  }

  #before(step: Step): ReadonlySet<string> {
    return this.#ancestors.get(step.name) ?? new Set();
  }

  #error(path: YamlPath, why: string) {
    return this.#places.error(path, why, {});
  }
}

function warningsOf({ steps }: Definition, places: YamlPlaces): readonly DefinitionWarning[] {
  const pivot = steps.find((step) => step.pivot);
  const ancestors = ancestorsOf(steps);
  const isBefore = (step: Step) =>
    pivot === undefined || (ancestors.get(pivot.name) ?? new Set()).has(step.name);
  const followed = new Set(steps.flatMap(({ needs }) => needs));
  return steps.flatMap((step, index) => {
    if (step.compensate !== null || step.pivot || !isBefore(step)) return [];
    // Nothing can fail after the last step of a saga without a pivot; only an operator would undo it.
    if (pivot === undefined && !followed.has(step.name)) return [];
    const message = `nothing undoes "${step.name}": when a later step fails its effect stays, and the run says that it is undone`;
    return [{ step: step.name, line: places.at(["steps", index]).line, message }];
  });
}
