import type { Definition, Step } from "../definition/definition.ts";
import { ancestorsOf } from "../definition/step-graph.ts";
import { going, hasAttempts, retryOf, settledFrom, type Transition, type TransitionParts } from "./rules.ts";
import {
  type CallState,
  type Cause,
  type Direction,
  type Intent,
  type RunState,
  type StepState,
  UNTOUCHED,
} from "./run-state.ts";

/** Begins every call that can be made now, and says how the run stands. */
export function choose(state: RunState, parts: TransitionParts): Transition {
  return new Chooser(state, parts).run();
}

class Chooser {
  readonly #state: RunState;
  readonly #definition: Definition;
  readonly #now: number;
  readonly #steps: Record<string, StepState>;
  readonly #intents: Intent[] = [];
  #dueAt: number | null = null;

  constructor(state: RunState, { definition, now }: TransitionParts) {
    this.#state = state;
    this.#definition = definition;
    this.#now = now;
    this.#steps = { ...state.steps };
  }

  run(): Transition {
    const { direction, status } = this.#state;
    if (status !== going(direction)) return { state: this.#state, intents: [], dueAt: null };
    if (direction === "do") this.#forward();
    else this.#back();
    const state = this.#judged();
    return { state, intents: this.#intents, dueAt: state.status === going(direction) ? this.#dueAt : null };
  }

  #forward(): void {
    for (const step of this.#definition.steps) {
      const call = this.#call(step, "do");
      // All, not only those it names: what a replay took over is done though a step before it is not.
      const isReady = [...this.#before(step)].every((need) => this.#steps[need]?.do.status === "done");
      if (call.status === "pending" && isReady) this.#effect(step, "do");
      if (call.status === "unknown") this.#resolve(step);
    }
  }

  #back(): void {
    for (const step of this.#definition.steps) {
      const { status } = this.#call(step, "do");
      // Nothing was sent, or it had no effect: there is nothing to undo.
      if (status === "pending") this.#put(step, "do", { ...this.#call(step, "do"), status: "skipped" });
      if (status === "unknown" && !this.#isUndoneBlindly(step)) this.#resolve(step);
    }
    if (!this.#definition.steps.every((step) => this.#isDefinite(step))) return;
    for (const step of this.#definition.steps) {
      const call = this.#call(step, "undo");
      const hasEffect = ["done", "unknown"].includes(this.#call(step, "do").status);
      const isNeeded = step.compensate !== null && hasEffect;
      if (call.status === "pending" && !isNeeded) this.#put(step, "undo", { ...call, status: "skipped" });
    }
    for (const step of this.#definition.steps) {
      const call = this.#call(step, "undo");
      if (!this.#isNext(step)) continue;
      if (call.status === "pending") this.#effect(step, "undo");
      if (call.status === "unknown") this.#resend(step, "undo");
    }
  }

  /** Its outcome is known, or does not matter to what undoes it. */
  #isDefinite(step: Step): boolean {
    const { status } = this.#call(step, "do");
    if (status === "unknown") return this.#isUndoneBlindly(step);
    return status !== "intent" && status !== "parked";
  }

  /** True when nobody can be asked what became of it, and the compensation does not need to know. */
  #isUndoneBlindly(step: Step): boolean {
    const call = this.#call(step, "do");
    const canProbe = step.probe !== null && call.probes < step.retry.attempts;
    if (canProbe || step.compensate?.nullSafe !== true) return false;
    const from = settledFrom(call, step);
    if (this.#now >= from) return true;
    this.#due(from);
    return false;
  }

  /** All that must be done before it. */
  #before({ name }: Step): ReadonlySet<string> {
    return ancestorsOf(this.#definition.steps).get(name) ?? new Set();
  }

  /** Everything that came after it is undone, also behind steps that nothing undoes. */
  #isNext(step: Step): boolean {
    return this.#definition.steps
      .filter((later) => this.#before(later).has(step.name))
      .every((later) => ["done", "skipped"].includes(this.#call(later, "undo").status));
  }

  /** Finds out what became of an action. */
  #resolve(step: Step): void {
    const call = this.#call(step, "do");
    const canProbe = step.probe !== null && call.probes < step.retry.attempts;
    const probesFirst = this.#state.direction === "undo" || step.unknown === "probe";
    const goesBack = this.#state.direction === "undo";
    if (canProbe && probesFirst) this.#probe(step);
    else if (goesBack && step.compensate?.nullSafe === true) return;
    else if (step.unknown === "idempotent" && this.#mayResend(step, "do")) this.#effect(step, "do");
    else if (canProbe && step.unknown !== "park") this.#probe(step);
    else this.#put(step, "do", { ...call, status: "parked" });
  }

  #resend(step: Step, direction: Direction): void {
    if (this.#mayResend(step, direction)) this.#effect(step, direction);
    else this.#put(step, direction, { ...this.#call(step, direction), status: "parked" });
  }

  /** The service still knows the key, and the budget is not spent. */
  #mayResend(step: Step, direction: Direction): boolean {
    const call = this.#call(step, direction);
    const isKnown = call.firstSentAt === null || this.#now < call.firstSentAt + step.keyTtlMs;
    return isKnown && hasAttempts(call, retryOf(step, direction));
  }

  #effect(step: Step, direction: Direction): void {
    const call = this.#call(step, direction);
    if (call.notBefore > this.#now) {
      this.#due(call.notBefore);
      return;
    }
    const timeoutMs = direction === "do" ? step.timeoutMs : (step.compensate?.timeoutMs ?? step.timeoutMs);
    this.#begin(step, direction, {
      ...call,
      asks: "effect",
      attempts: call.attempts + 1,
      firstSentAt: call.firstSentAt ?? this.#now,
      deadlineAt: this.#now + timeoutMs,
    });
  }

  #probe(step: Step): void {
    const call = this.#call(step, "do");
    // The last one waits until the attempt has arrived or never will: one that is still under way may take all its time.
    const isLast = call.probes + 1 >= step.retry.attempts;
    const from = isLast ? Math.max(call.notBefore, settledFrom(call, step)) : call.notBefore;
    if (from > this.#now) {
      this.#due(from);
      return;
    }
    // A "no" counts by when it was asked for, not by when it came.
    this.#begin(step, "do", { ...call, asks: "probe", probes: call.probes + 1, notBefore: this.#now });
  }

  #begin(step: Step, direction: Direction, call: CallState): void {
    this.#put(step, direction, { ...call, status: "intent" });
    const { asks, generation, attempts, probes } = call;
    this.#intents.push({
      step: step.name,
      direction,
      asks,
      generation,
      attempt: asks === "probe" ? probes : attempts,
    });
  }

  #judged(): RunState {
    const { direction, cause } = this.#state;
    const state: RunState = { ...this.#state, steps: this.#steps };
    const all = this.#definition.steps.flatMap((step) => [this.#call(step, "do"), this.#call(step, "undo")]);
    if (all.some(({ status }) => status === "intent")) return state;
    if (direction === "do" && this.#every("do", ["done"])) return { ...state, status: "completed" };
    if (direction === "undo" && this.#every("undo", ["done", "skipped"])) {
      const nothingWasDone = all.every(({ attempts }) => attempts === 0);
      return {
        ...state,
        status: cause?.type === "cancelled" && nothingWasDone ? "cancelled" : "compensated",
      };
    }
    if (this.#dueAt !== null) return state;
    const parked = this.#definition.steps.find(({ name }) => {
      const step = this.#steps[name];
      return step?.do.status === "parked" || step?.undo.status === "parked";
    });
    if (parked === undefined) return state;
    return { ...state, status: "parked", cause: cause ?? parkedBy(parked.name, this.#steps[parked.name]) };
  }

  #every(direction: Direction, statuses: readonly CallState["status"][]): boolean {
    return this.#definition.steps.every((step) => statuses.includes(this.#call(step, direction).status));
  }

  #call(step: Step, direction: Direction): CallState {
    return this.#steps[step.name]?.[direction] ?? UNTOUCHED;
  }

  #put(step: Step, direction: Direction, call: CallState): void {
    const before = this.#steps[step.name] ?? { do: UNTOUCHED, undo: UNTOUCHED };
    this.#steps[step.name] = { ...before, [direction]: call };
  }

  #due(at: number): void {
    this.#dueAt = this.#dueAt === null ? at : Math.min(this.#dueAt, at);
  }
}

function parkedBy(step: string, state: StepState | undefined): Cause {
  const call = state?.do.status === "parked" ? state.do : state?.undo;
  return { type: "parked", step, message: call?.error?.message ?? "it is not known whether it took effect" };
}
