import { type DcsError, toDcsError } from "../../errors.ts";
import { type BackoffPolicy, backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { RunState } from "../engine/run-state.ts";
import type { Journal, LeaseTerms, RunRecord } from "../journal/journal.ts";
import { arrive } from "./arrive.ts";
import type { Definitions } from "./definitions.ts";
import type { JournalClock } from "./journal-clock.ts";
import type { DriverEnd } from "./run-driver.ts";
import type { RunHost } from "./run-host.ts";
import { type Moment, momentOf } from "./tenure.ts";

/** How long a full worker waits for more runs to end before it claims others, ms. */
const GATHER_MS = 3;
const RETRY: BackoffPolicy = { initialMs: 200, factor: 2, maxMs: 5000 };

/** What a worker tells. */
export type WorkerEvent =
  | { readonly type: "claimed"; readonly runId: string; readonly saga: string; readonly epoch: number }
  | {
      readonly type: DriverEnd["kind"];
      readonly runId: string;
      readonly saga: string;
      readonly state: RunState;
    }
  | { readonly type: "failed"; readonly runId: string; readonly saga: string; readonly error: DcsError }
  | { readonly type: "journal-down"; readonly error: DcsError }
  | { readonly type: "journal-up" };

export interface WorkerOptions {
  readonly journal: Journal;
  readonly host: RunHost;
  readonly definitions: Definitions;
  readonly lease: LeaseTerms;
  readonly clock: Clock;
  readonly journalClock: JournalClock;
  readonly random: () => number;
  /** Most runs at a time. */
  readonly concurrency: number;
  /** Longest time between two looks at the journal, ms. */
  readonly pollMs: number;
  /** Ends when nothing is due and nothing is under way. */
  readonly untilIdle?: boolean;
  readonly onEvent: (event: WorkerEvent) => void;
}

/** Claims runs that are due and executes them, many at a time. Any number of workers share a journal. */
export class Worker {
  readonly #options: WorkerOptions;
  #wake: (() => void) | null = null;
  #active = 0;
  #isStopping = false;
  #isDown = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Until `signal` aborts; then begins nothing more and resolves once everything under way has been written down. */
  async work(signal: AbortSignal): Promise<void> {
    const { host, concurrency, untilIdle, clock } = this.#options;
    const onAbort = () => {
      this.#isStopping = true;
      host.drain();
      this.#wake?.();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      for (let failures = 0; !this.#isStopping; ) {
        if (this.#active >= concurrency) {
          await this.#pause(Number.POSITIVE_INFINITY);
          // Runs that end together are replaced together: a claim is a commit.
          if (!this.#isStopping) await sleep(clock, GATHER_MS);
          continue;
        }
        const pauseMs = await this.#claim();
        failures = pauseMs === null ? failures + 1 : 0;
        if (untilIdle === true && pauseMs !== 0 && pauseMs !== null && this.#active === 0) break;
        await this.#pause(pauseMs ?? backoffDelay(RETRY, failures, this.#options.random));
      }
      while (this.#active > 0) await this.#pause(Number.POSITIVE_INFINITY);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** How long to wait before the next look, ms; null when the journal could not be asked. */
  async #claim(): Promise<number | null> {
    const { journal, lease, clock, journalClock, concurrency, pollMs } = this.#options;
    const limit = concurrency - this.#active;
    const sent = momentOf(clock);
    try {
      const { runs, now, nextDueAt } = await journal.claim({ ...lease, limit });
      journalClock.observe(now);
      if (this.#isDown) this.#options.onEvent({ type: "journal-up" });
      this.#isDown = false;
      for (const record of runs) void this.#execute(record, sent);
      if (runs.length === limit) return 0;
      return nextDueAt === null ? pollMs : Math.max(0, Math.min(pollMs, nextDueAt - now));
    } catch (cause) {
      const error = toDcsError(cause);
      if (!error.retryable) throw error;
      if (!this.#isDown) this.#options.onEvent({ type: "journal-down", error });
      this.#isDown = true;
      return null;
    }
  }

  async #execute(record: RunRecord, sent: Moment): Promise<void> {
    const { host, definitions, onEvent } = this.#options;
    const { state, saga, epoch } = record;
    const { runId } = state;
    this.#active++;
    onEvent({ type: "claimed", runId, saga, epoch });
    try {
      const end = await host.host(await arrive(record, definitions, sent));
      onEvent({ type: end.kind, runId, saga, state: end.state });
    } catch (cause) {
      // The lease runs out by itself, and another try is made; in the end it is parked.
      onEvent({ type: "failed", runId, saga, error: toDcsError(cause) });
    } finally {
      this.#active--;
      this.#wake?.();
    }
  }

  /** Until then, or until a run ends or the worker is to stop. */
  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const cancel = Number.isFinite(ms) ? this.#options.clock.timer(ms, resolve) : () => {};
    if (!this.#isStopping || this.#active > 0) await promise;
    cancel();
    this.#wake = null;
  }
}
