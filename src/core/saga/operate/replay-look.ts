import type { Definition, Step } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import { ancestorsOf } from "../definition/step-graph.ts";
import { outputsReadBy } from "../definition/templates-of.ts";
import { refusalToTurn } from "../engine/rules.ts";
import { callKey, type Direction, type StepState } from "../engine/run-state.ts";
import { callId, type RunRecord } from "../journal/journal.ts";
import { stands } from "./call-facts.ts";
import type { ReplayOptions, ReplayParts } from "./replay-plan.ts";
import type { DecidedStep, ReplayCall, ReplayStep } from "./replay-step.ts";
import { callOf, ENDED } from "./run-view.ts";
import { resolves } from "./say.ts";

type Decision = Pick<ReplayStep, "action" | "reason"> & Partial<Omit<ReplayStep, "name">>;

/** What the decisions on single steps look at: the run, its family, and what was decided of the steps before. */
export class ReplayLook {
  readonly record: RunRecord;
  readonly options: ReplayOptions;
  readonly now: number;
  readonly #parts: ReplayParts;
  readonly #target: Definition;
  readonly #forced: ReadonlySet<string>;
  readonly #redone = new Set<string>();

  constructor(record: RunRecord, options: ReplayOptions, parts: ReplayParts) {
    this.record = record;
    this.options = options;
    this.now = parts.now;
    this.#parts = parts;
    this.#target = options.definition?.definition ?? parts.definition;
    this.#forced = behind(options.from, this.#target);
  }

  get isChild(): boolean {
    return ENDED.includes(this.record.state.status);
  }

  before(step: string): StepState | null {
    return this.record.state.steps[step] ?? null;
  }

  key(step: string, direction: Direction, generation: number): string {
    return callKey(this.record.state.rootId, step, direction, generation);
  }

  /** One that no run of the family ever had, for the action or its compensation. */
  nextGeneration(step: string): number {
    const used = [this.record, ...this.#parts.family].flatMap(({ state }) => {
      const both = state.steps[step];
      return both === undefined ? [] : [both.do.generation, both.undo.generation];
    });
    return Math.max(0, ...used) + 1;
  }

  /** Why the step must be done anew though it is done; null where it need not. */
  whyAnew(step: Step): string | null {
    if (this.#forced.has(step.name)) {
      const { from } = this.options;
      return step.name === from
        ? "it is to begin from here"
        : `it stands behind ${from}, where it is to begin`;
    }
    const read = [...outputsReadBy(step.action)].filter((name) => this.#redone.has(name));
    if (read.length > 0) return `it reads the output of ${read.join(", ")}, which is done anew`;
    return this.#isChanged(step) ? "its request is another one now" : null;
  }

  /** The request as it would be sent, or why it cannot be made; null while it depends on what is not there yet. */
  request(step: Step, call: Pick<ReplayCall, "direction" | "asks" | "generation">): Request {
    const action =
      call.asks === "probe" ? step.probe : call.direction === "do" ? step.action : step.compensate?.action;
    if (action === null || action === undefined) return { shown: null, problem: null };
    if ([...outputsReadBy(action)].some((name) => this.#redone.has(name)))
      return { shown: null, problem: null };
    try {
      return { shown: this.#parts.prepare(this.#call(step, call)).shown, problem: null };
    } catch (error) {
      return { shown: null, problem: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Its output is not there until it is done anew. */
  redo(step: string): void {
    this.#redone.add(step);
  }

  /** What to type where an effect that stands is in the way. */
  get hintOfStanding(): string {
    const { state } = this.record;
    const { runId } = state;
    const turn = refusalToTurn(state, "compensated", this.#parts.definition);
    const newKey = "add --new-key to let it stand and do it once more";
    if (turn !== null) return `${newKey}; it cannot be undone first: ${turn}`;
    return `undo it first: dcs saga compensate ${runId} --reason "…"; or ${newKey}`;
  }

  resolveHint(step: string, direction: Direction): string {
    return resolves(this.record.state.runId, step, direction).join("; or ");
  }

  /** Steps that the new definition no longer has, where they matter. */
  removed(): readonly DecidedStep[] {
    const kept = new Set(this.#target.steps.map(({ name }) => name));
    return this.#parts.definition.steps.flatMap(({ name }) => {
      const both = this.before(name);
      if (kept.has(name) || both === null || !stands(both)) return [];
      const old = { generation: both.do.generation, key: this.key(name, "do", both.do.generation) };
      const reason = "the new definition has no such step, and its effect stands";
      const shown = this.options.newKey
        ? this.#shown(name, { action: "REUSE", reason: `${reason}; it counts no more`, supersedes: old })
        : this.#shown(name, { action: "BLOCKED", reason, hint: this.hintOfStanding });
      return [{ shown, state: null }];
    });
  }

  decided(step: Step, decision: Decision, state: StepState): DecidedStep {
    return { shown: this.#shown(step.name, decision), state };
  }

  #shown(name: string, decision: Decision): ReplayStep {
    const { generation } = callOf(this.record, name, "do");
    return {
      name,
      direction: "do",
      generation,
      key: null,
      supersedes: null,
      request: null,
      hint: null,
      ...decision,
    };
  }

  /** Compared as both would be made now, and with what was sent: what both times has the same secrets is the same. */
  #isChanged(step: Step): boolean {
    const { options, record } = this;
    if (options.input === null && options.definition === null) return false;
    const { generation } = callOf(record, step.name, "do");
    const call = { direction: "do", asks: "effect", generation } as const;
    const next = this.#hash(this.#call(step, call));
    if (next === null) return true;
    if (next === record.inputHashes[callId(step.name, "do")]) return false;
    const old = this.#parts.definition.steps.find(({ name }) => name === step.name) ?? step;
    const before = {
      ...this.#call(old, call),
      definition: this.#parts.definition,
      input: record.state.input,
    };
    return next !== this.#hash(before);
  }

  #hash(call: ReplayCall): string | null {
    try {
      return this.#parts.prepare(call).inputHash;
    } catch {
      return null;
    }
  }

  #call(
    step: Step,
    { direction, asks, generation }: Pick<ReplayCall, "direction" | "asks" | "generation">,
  ): ReplayCall {
    const { record, options } = this;
    const isSame = callOf(record, step.name, direction).generation === generation;
    const outputs = Object.entries(record.state.steps).filter(
      ([name, both]) => both.do.status === "done" && !this.#redone.has(name),
    );
    return {
      definition: this.#target,
      step,
      direction,
      asks,
      generation,
      actionGeneration: direction === "undo" ? callOf(record, step.name, "do").generation : null,
      attempt: isSame ? callOf(record, step.name, direction).attempts + 1 : 1,
      runId: this.isChild ? this.#parts.childId : record.state.runId,
      input: options.input ?? record.state.input,
      outputs: Object.fromEntries(outputs.map(([name, both]): [string, Json] => [name, both.do.output])),
    };
  }
}

interface Request {
  readonly shown: Json;
  readonly problem: string | null;
}

/** The step and all that come after it. */
function behind(from: string | null, { steps }: Definition): ReadonlySet<string> {
  if (from === null) return new Set();
  const ancestors = ancestorsOf(steps);
  const later = steps.filter(({ name }) => ancestors.get(name)?.has(from));
  return new Set([from, ...later.map(({ name }) => name)]);
}
