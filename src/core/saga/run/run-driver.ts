import { DcsError, toDcsError } from "../../errors.ts";
import { type BackoffPolicy, backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import { randomHex } from "../../util/ids.ts";
import type { Definition } from "../definition/definition.ts";
import { choose } from "../engine/choose.ts";
import type { RunEvent } from "../engine/event.ts";
import type { Transition, TransitionParts } from "../engine/rules.ts";
import type { Intent, RunState } from "../engine/run-state.ts";
import { absorb } from "../engine/transition.ts";
import { type Change, callId, type Due, type Journal, type RunRecord } from "../journal/journal.ts";
import { changedCalls, isSameRun } from "./changed-calls.ts";
import type { Committer } from "./committer.ts";
import { describe } from "./events.ts";
import type { JournalClock } from "./journal-clock.ts";
import type { CallFactory, StartableCall } from "./run-calls.ts";
import type { Tenure } from "./tenure.ts";

const RETRY: BackoffPolicy = { initialMs: 50, factor: 2, maxMs: 1000 };

/** What every run of one process shares. */
export interface DriverTools {
  readonly journal: Journal;
  readonly committer: Committer;
  readonly calls: CallFactory;
  readonly clock: Clock;
  readonly journalClock: JournalClock;
  readonly random: () => number;
  /** Timers up to this long are waited for with the lease held; for longer ones the run is given up meanwhile, ms. */
  readonly holdMs: number;
}

/** How it ended here. `released`: others may have it; `lost`: they have it already. */
export interface DriverEnd {
  readonly kind: "ended" | "parked" | "released" | "lost";
  readonly state: RunState;
}

/**
 * Executes one run for as long as this process has its lease. Everything that happens to the run goes through one queue; all
 * that waits there becomes one change, and calls begin only once the change that says so is durable.
 */
export class RunDriver {
  readonly runId: string;
  readonly tenure: Tenure;
  readonly #tools: DriverTools;
  readonly #definition: Definition;
  readonly #abort = new AbortController();
  readonly #onStep: (state: RunState) => void;
  #record: RunRecord;
  #events: RunEvent[] = [];
  /** Reads again before the next change: somebody wrote to the run. */
  #isMoved = false;
  #isLost = false;
  #isDraining = false;
  #underWay = 0;
  #wake: (() => void) | null = null;
  #cancelTimer: (() => void) | null = null;
  #cancelWatch: (() => void) | null = null;

  constructor(
    record: RunRecord,
    definition: Definition,
    tenure: Tenure,
    tools: DriverTools,
    onStep: (state: RunState) => void = () => {},
  ) {
    this.runId = record.state.runId;
    this.tenure = tenure;
    this.#record = record;
    this.#definition = definition;
    this.#tools = tools;
    this.#onStep = onStep;
  }

  get state(): RunState {
    return this.#record.state;
  }

  get held(): { readonly runId: string; readonly epoch: number; readonly seq: number } {
    return { runId: this.runId, epoch: this.#record.epoch, seq: this.#record.seq };
  }

  /**
   * Goes on until the run has ended, waits for long, or is not ours any more. `intents` were made durable by whoever gives
   * them; `first` is what happened to the run before it came here. Rejects where the journal refuses the run for good.
   */
  async drive(first: readonly RunEvent[], intents: readonly Intent[] = []): Promise<DriverEnd> {
    this.#events.push(...first);
    this.#watchTenure();
    try {
      this.#start(intents);
      for (;;) {
        const end = await this.#turn();
        if (end !== null) return end;
        await this.#idle();
      }
    } finally {
      this.#cancelTimer?.();
      this.#cancelWatch?.();
      this.#abort.abort();
    }
  }

  /** Somebody wrote to the run: what was asked for is applied with the next change. */
  moved(): void {
    this.#isMoved = true;
    this.#wake?.();
  }

  /** Another worker has the run: its calls end at once, and nothing more is written. */
  lose(): void {
    this.#isLost = true;
    this.#abort.abort();
    this.#wake?.();
  }

  /** Begins nothing more; ends when the calls under way have been written down. */
  drain(): void {
    this.#isDraining = true;
    this.#wake?.();
  }

  /** Ends the calls under way now: what became of them is not known. */
  interrupt(): void {
    this.#isDraining = true;
    this.#abort.abort();
    this.#wake?.();
  }

  /** One change, if there is a reason for one; the end of driving, if it is that. */
  async #turn(): Promise<DriverEnd | null> {
    while (!this.#isLost && (this.#isMoved || this.#events.length > 0)) {
      if (this.#isMoved && !(await this.#readAgain())) break;
      const events = this.#events.splice(0);
      const end = await this.#apply(events);
      if (end !== null) return end;
    }
    if (this.#isLost || this.tenure.leftMs <= 0) return { kind: "lost", state: this.state };
    if (!this.#isDraining || this.#underWay > 0) return null;
    // Where it cannot be said, the lease runs out by itself.
    await this.#tools.journal.release([this.held], null).catch(() => {});
    return { kind: "released", state: this.state };
  }

  async #apply(events: readonly RunEvent[]): Promise<DriverEnd | null> {
    const before = this.state;
    // Without its definition nobody can tell what a request would do: it is left for who has it.
    const requests = this.#definition.steps.length === 0 ? [] : this.#record.requests;
    const happened = [...events, ...requests.map(({ event }) => event)];
    const next = this.#transition(happened);
    const calls = next.intents.map((intent) => this.#tools.calls.make(intent, next.state, this.#definition));
    const due = this.#due(next);
    const change: Change = {
      ...this.held,
      txid: randomHex(16),
      state: next.state,
      calls: changedCalls(before, next.state, calls),
      events: describe(before, happened, next.state, next.intents),
      due,
      takenUp: requests.at(-1)?.id ?? null,
    };
    // Nothing new, nothing to write: a timer that was early, or an answer to what was settled already.
    const isNothing = change.calls.length === 0 && isSameRun(before, next.state) && requests.length === 0;
    const standing =
      isNothing && due.kind === "held" ? "held" : await this.#tools.committer.commit(change, this.tenure);
    if (standing === "lost") {
      this.#isLost = true;
      return null;
    }
    if (standing === "moved") {
      this.#events.unshift(...events);
      this.#isMoved = true;
      return null;
    }
    if (!isNothing || due.kind !== "held") this.#committed(change, next.state, calls);
    if (due.kind === "ended" || due.kind === "parked") return { kind: due.kind, state: this.state };
    if (due.kind === "at") return { kind: "released", state: this.state };
    this.#start(calls);
    this.#timer(next.dueAt);
    return null;
  }

  #transition(happened: readonly RunEvent[]): Transition {
    const { journalClock, random } = this.#tools;
    const parts: TransitionParts = { definition: this.#definition, now: journalClock.now(), random };
    const state = happened.reduce((so, event) => absorb(so, event, parts), this.state);
    if (!this.#isDraining) return choose(state, parts);
    return { state, intents: [], dueAt: null };
  }

  #due({ state, dueAt }: Transition): Due {
    const { journalClock, holdMs } = this.#tools;
    if (state.status === "parked") return { kind: "parked" };
    if (state.status !== "running" && state.status !== "compensating") return { kind: "ended" };
    if (this.#underWay > 0 || hasIntent(state)) return { kind: "held" };
    const now = journalClock.now();
    if (this.#isDraining) return { kind: "at", at: now };
    return dueAt === null || dueAt - now <= holdMs ? { kind: "held" } : { kind: "at", at: dueAt };
  }

  #committed(change: Change, state: RunState, calls: readonly StartableCall[]): void {
    const hashes = calls.map(({ intent, inputHash }) => [callId(intent.step, intent.direction), inputHash]);
    this.#record = {
      ...this.#record,
      state,
      seq: change.seq + 1,
      claims: 0,
      requests: [],
      inputHashes: { ...this.#record.inputHashes, ...Object.fromEntries(hashes) },
    };
    this.#onStep(state);
  }

  /** False when the run is not ours any more. */
  async #readAgain(): Promise<boolean> {
    this.#isMoved = false;
    const record = await this.#read();
    if (record === null || record.epoch !== this.#record.epoch || record.owner !== this.#record.owner) {
      this.#isLost = true;
      return false;
    }
    this.#record = record;
    // What was asked for is taken up by the next change, even when nothing else happens.
    if (record.requests.length > 0 && this.#events.length === 0) this.#events.push({ type: "due" });
    return true;
  }

  /** Null when it cannot be read while the lease lasts. */
  async #read(): Promise<RunRecord | null> {
    const { journal, clock, random } = this.#tools;
    for (let attempt = 0; this.tenure.leftMs > 0; attempt++) {
      try {
        return await journal.run(this.runId);
      } catch (error) {
        if (!toDcsError(error).retryable) throw error;
      }
      await sleep(clock, backoffDelay(RETRY, attempt, random));
    }
    return null;
  }

  #start(calls: readonly (StartableCall | Intent)[]): void {
    for (const each of calls) {
      const call = "send" in each ? each : this.#tools.calls.make(each, this.state, this.#definition);
      // The lease may have run out while the change was under way: then the call is another worker's to make.
      if (this.tenure.leftMs <= 0 || this.#isLost) {
        this.lose();
        return;
      }
      this.#underWay++;
      void this.#send(call);
    }
  }

  async #send(call: StartableCall): Promise<void> {
    const event = await call.send(this.#tools.journalClock, this.#abort.signal);
    this.#underWay--;
    this.#events.push(event);
    this.#wake?.();
  }

  #timer(dueAt: number | null): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (dueAt === null) return;
    const ms = Math.max(1, dueAt - this.#tools.journalClock.now());
    this.#cancelTimer = this.#tools.clock.timer(ms, () => {
      this.#events.push({ type: "due" });
      this.#wake?.();
    });
  }

  /** Ends the calls before another worker may begin them. */
  #watchTenure(): void {
    this.#cancelWatch = this.#tools.clock.timer(Math.max(0, this.tenure.leftMs), () => {
      if (this.tenure.leftMs <= 0) this.lose();
      else this.#watchTenure();
    });
  }

  /** Until something happens. */
  async #idle(): Promise<void> {
    if (this.#events.length > 0 || this.#isMoved || this.#isLost) return;
    if (this.#isDraining && this.#underWay === 0) return;
    if (this.#underWay === 0 && this.#cancelTimer === null) {
      throw new DcsError("UNEXPECTED", `run ${this.runId} waits for nothing: ${this.state.status}`);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = null;
  }
}

function hasIntent({ steps }: RunState): boolean {
  return Object.values(steps).some(
    ({ do: forth, undo }) => forth.status === "intent" || undo.status === "intent",
  );
}
