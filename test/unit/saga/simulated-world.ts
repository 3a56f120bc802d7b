import type { Definition, Step } from "../../../src/core/saga/definition/definition.ts";
import { choose } from "../../../src/core/saga/engine/choose.ts";
import type { Outcome, ProbeAnswer, RunEvent } from "../../../src/core/saga/engine/event.ts";
import { newRun } from "../../../src/core/saga/engine/new-run.ts";
import { settledFrom } from "../../../src/core/saga/engine/rules.ts";
import { callKey, type Intent, type RunState } from "../../../src/core/saga/engine/run-state.ts";
import { absorb } from "../../../src/core/saga/engine/transition.ts";

/** How a service treats one attempt. */
export type Fate =
  | "ok"
  | "fail"
  | "not-sent"
  | "applied-timeout"
  | "lost-timeout"
  | "late"
  | "crash"
  | "crash-after";

/**
 * What others do to a run meanwhile. `lose`: another worker takes it over while calls are under way, which a zombie then
 * makes. `drain`: what is under way is written down, and others go on. `stale`: an answer of long ago. `truth`: an operator
 * says of a call what became of it, where that may be said already.
 */
export type Meddling = "cancel" | "compensate" | "resume" | "truth" | "lose" | "drain" | "stale";

const PROBE_MS = 40;

/**
 * Services that keep their promise about keys, a clock that jumps to what comes next, and a run between them. `fate` is asked
 * for each attempt; a probe always tells the truth of the moment.
 */
export class SimulatedWorld {
  readonly definition: Definition;
  now = 1_000_000;
  state: RunState;
  /** Business effects by key, each at most once; undone ones are deleted. */
  readonly effects = new Map<string, string>();
  /** How often each key took effect. */
  readonly applied = new Map<string, number>();
  readonly log: string[] = [];
  readonly #refused = new Set<string>();
  readonly #late: { readonly at: number; readonly run: () => void }[] = [];
  #fate: (step: string, direction: string, attempt: number) => Fate;
  /** What was asked for, applied together with what happens next. */
  readonly #requests: RunEvent[] = [];
  readonly #answers: RunEvent[] = [];
  #isDraining = false;
  #intents: readonly Intent[] = [];
  #dueAt: number | null = null;

  constructor(definition: Definition, fate: (step: string, direction: string, attempt: number) => Fate) {
    this.definition = definition;
    this.#fate = fate;
    this.state = newRun(definition, { runId: "run", defHash: "hash", input: null });
  }

  /**
   * Runs until nothing moves by itself any more. Throws when that takes too long, or when the run is stuck. `meddle` is called
   * between any two things that happen.
   */
  play(meddle: () => void = () => {}): RunState {
    this.apply({ type: "started" });
    for (let i = 0; i < 5000; i++) {
      meddle();
      const [intent, ...rest] = this.#intents;
      if (intent !== undefined) {
        this.#intents = rest;
        this.#attempt(intent);
      } else if (this.#isDraining || this.#requests.length > 0) {
        this.#isDraining = false;
        this.apply({ type: "due" });
      } else if (this.#dueAt !== null) {
        this.#advanceTo(this.#dueAt);
        this.apply({ type: "due" });
      } else if (["running", "compensating"].includes(this.state.status)) {
        throw new Error(`stuck: ${JSON.stringify(this.state)}`);
      } else return this.state;
    }
    throw new Error(`no end: ${this.log.slice(-20).join("; ")}`);
  }

  apply(event: RunEvent): void {
    const parts = { definition: this.definition, now: this.now, random: () => 0.5 };
    if (event.type === "outcome") this.#answers.push(event);
    const happened = [event, ...this.#requests.splice(0)];
    const state = happened.reduce((so, each) => absorb(so, each, parts), this.state);
    const next = this.#isDraining ? { state, intents: [], dueAt: null } : choose(state, parts);
    this.state = next.state;
    for (const intent of next.intents) this.#check(intent);
    this.#intents = event.type === "taken-over" ? next.intents : [...this.#intents, ...next.intents];
    this.#dueAt = next.dueAt;
  }

  /** `which` picks a call, or an answer. */
  meddle(what: Meddling, which: number): void {
    this.log.push(`${what} at ${this.now}`);
    if (what === "cancel") this.#requests.push({ type: "cancelled", message: "not wanted" });
    else if (what === "compensate") this.#requests.push({ type: "compensated", message: "give up" });
    else if (what === "resume") this.#requests.push({ type: "resumed" });
    else if (what === "truth") this.#tell(which);
    else if (what === "drain") this.#isDraining = true;
    else if (what === "stale") {
      const answer = this.#answers[which % this.#answers.length];
      if (answer !== undefined) this.apply(answer);
    } else {
      for (const [index, intent] of this.#intents.entries()) {
        if ((which + index) % 2 === 0) this.#haunt(intent);
      }
      this.#isDraining = false;
      this.apply({ type: "taken-over" });
    }
  }

  /** From now on all goes well. */
  mend(): void {
    this.#fate = () => "ok";
  }

  /** Until no attempt can arrive any more. */
  settle(): void {
    const times = this.definition.steps.flatMap((step) =>
      (["do", "undo"] as const).map((direction) => {
        const call = this.state.steps[step.name]?.[direction];
        return call === undefined ? 0 : settledFrom(call, step);
      }),
    );
    this.#advanceTo(Math.max(this.now, ...times));
  }

  /** Says the truth of a call that nobody knows it of, unless it may still change. */
  #tell(which: number): void {
    const open = this.definition.steps.flatMap((step) =>
      (["do", "undo"] as const).flatMap((direction) => {
        const call = this.state.steps[step.name]?.[direction];
        return call !== undefined && ["unknown", "parked"].includes(call.status)
          ? [{ step, direction, call }]
          : [];
      }),
    );
    const told = open[which % open.length];
    if (told === undefined) return;
    const { step, direction, call } = told;
    const isThere = this.applied.has(callKey("run", step.name, direction, call.generation));
    if (!isThere && call.deadlineAt !== null && this.now < settledFrom(call, step)) return;
    const as = isThere ? "done" : "not-done";
    this.log.push(`${direction} ${step.name} is ${as}`);
    this.#requests.push({ type: "resolved", step: step.name, direction, as, output: null });
  }

  /** A worker that lost the run makes a call all the same, as late as it may. */
  #haunt({ step: name, direction, asks, generation }: Intent): void {
    const step = this.#step(name);
    if (asks === "probe") return;
    const at = (this.state.steps[name]?.[direction].deadlineAt ?? 0) + step.settleMs;
    const key = callKey("run", name, direction, generation);
    this.#late.push({ at, run: () => this.#effect(step, direction, key) });
  }

  /** Steps whose effect is there now. */
  get standing(): readonly string[] {
    return [...new Set(this.effects.values())].sort();
  }

  #attempt({ step: name, direction, asks, generation, attempt }: Intent): void {
    const step = this.#step(name);
    const key = callKey("run", name, direction, generation);
    this.log.push(`${direction} ${name} ${asks} #${attempt} at ${this.now}`);
    if (asks === "probe") {
      const answer: ProbeAnswer = this.effects.has(key)
        ? { kind: "done", output: null }
        : { kind: "not-done" };
      // The answer is as old as its way back is long.
      this.#advanceTo(this.now + PROBE_MS);
      this.apply({ type: "probed", step: name, answer });
      return;
    }
    const outcome = (result: Outcome) =>
      this.apply({ type: "outcome", step: name, direction, attempt, outcome: result });
    // What is durable is when the attempt ends, not when it begins: a slow worker has less time, or none.
    const timeoutMs = (this.state.steps[name]?.[direction].deadlineAt ?? 0) - this.now;
    if (timeoutMs <= 0) {
      outcome({ kind: "not-sent", message: "too late" });
      return;
    }
    const fate = this.#fate(name, direction, attempt);
    if (fate === "crash-after" || fate === "applied-timeout") this.#effect(step, direction, key);
    if (fate === "late") {
      const at = this.now + timeoutMs + step.settleMs;
      this.#late.push({ at, run: () => this.#effect(step, direction, key) });
    }
    if (fate === "crash" || fate === "crash-after") this.apply({ type: "taken-over" });
    else if (fate === "ok") outcome(this.#effect(step, direction, key));
    else if (fate === "not-sent") outcome({ kind: "not-sent", message: "nobody listens" });
    else if (fate === "fail") {
      outcome(this.applied.has(key) ? { kind: "done", output: null } : { kind: "failed", message: "no" });
    } else {
      this.#advanceTo(this.now + timeoutMs);
      outcome({ kind: "unknown", message: "timeout" });
    }
  }

  #effect(step: Step, direction: string, key: string): Outcome {
    if (this.#refused.has(key)) return { kind: "failed", message: "undone before" };
    const isNew = !this.applied.has(key);
    if (isNew) this.applied.set(key, 1);
    if (direction === "do") {
      if (isNew) this.effects.set(key, step.name);
    } else if (isNew) {
      const action = callKey("run", step.name, "do", this.state.steps[step.name]?.do.generation ?? 1);
      this.effects.delete(action);
      this.#refused.add(action);
    }
    return { kind: "done", output: null };
  }

  #advanceTo(time: number): void {
    const target = Math.max(this.now, time);
    for (const late of this.#late.toSorted((a, b) => a.at - b.at)) {
      if (late.at > target) continue;
      this.#late.splice(this.#late.indexOf(late), 1);
      this.now = Math.max(this.now, late.at);
      late.run();
    }
    this.now = target;
  }

  /** What must hold whenever a call begins. */
  #check({ step: name, direction }: Intent): void {
    const step = this.#step(name);
    const steps = this.state.steps;
    if (direction === "do") return;
    const { status, deadlineAt } = steps[name]?.do ?? { status: "none", deadlineAt: 0 };
    const isBlind = step.compensate?.nullSafe === true && this.now >= (deadlineAt ?? 0) + step.settleMs;
    // Begun blindly, it is brought to its end whatever is said of the action meanwhile.
    const isBegun = step.compensate?.nullSafe === true && (steps[name]?.undo.attempts ?? 0) > 1;
    if (status !== "done" && !(status === "unknown" && isBlind) && !isBegun) {
      throw new Error(`${name} is undone while it is ${status}: ${this.log.join("; ")}`);
    }
    for (const later of this.definition.steps.filter(({ needs }) => needs.includes(name))) {
      if ([...this.effects.values()].includes(later.name) && later.compensate !== null) {
        throw new Error(`${name} is undone before ${later.name}: ${this.log.join("; ")}`);
      }
    }
  }

  #step(name: string): Step {
    const step = this.definition.steps.find((each) => each.name === name);
    if (step === undefined) throw new Error(`no step ${name}`);
    return step;
  }
}

/** Fates by step, `undo.step` for compensations; the last is repeated; `ok` for all others. */
export function fates(table: Readonly<Record<string, readonly Fate[]>>) {
  return (step: string, direction: string, attempt: number): Fate => {
    const list = table[direction === "do" ? step : `undo.${step}`] ?? ["ok"];
    return list[Math.min(attempt, list.length) - 1] ?? "ok";
  };
}
