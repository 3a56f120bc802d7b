import type { Driver } from "../drive/driver.ts";
import { Flights } from "./flights.ts";
import { type Load, type LoadWindow, SWEEP_MS } from "./load.ts";
import type { Recorder } from "./recorder.ts";
import type { Schedule } from "./schedule.ts";
import type { Ticker } from "./ticker.ts";

export interface PacerOptions {
  /** Times from the beginning of the warm-up. */
  readonly schedule: Schedule;
  readonly driver: Driver;
  readonly recorder: Recorder;
  readonly ticker: Ticker;
  readonly timeoutMs: number;
  /** What is due while so many are under way is dropped. */
  readonly maxInFlight: number;
  readonly now: () => number;
}

/**
 * What is due sooner is waited for by looking at the clock between answers: waking a thread for it would take longer. Such a load
 * keeps a processor busy anyway.
 */
const SPIN_MS = 0.25;
/** So many at once, then answers are looked at: who is far behind must not grow deaf. */
const BURST = 64;

/**
 * Sends requests when they are due, whatever became of those before: an open loop, as users who do not know of each other. What is
 * late is sent late and counted from when it was due (Gil Tene's "coordinated omission" is what comes of anything else).
 */
export class Pacer implements Load {
  readonly #o: PacerOptions;
  readonly #flights: Flights;
  readonly #ended = Promise.withResolvers<void>();
  #window: LoadWindow = { beginMs: 0, measureMs: 0, endMs: null };
  #sweeping: NodeJS.Timeout | undefined;
  #isSending = true;
  /** When it began to look at the clock; null when it does not. */
  #spunAt: number | null = null;
  #spunMs = 0;

  constructor(options: PacerOptions) {
    this.#o = options;
    const { driver, recorder, timeoutMs, now } = options;
    this.#flights = new Flights({ driver, recorder, timeoutMs, now, onEnd: () => this.#onEnd() });
  }

  /** How long, of the measurement, it looked at the clock and nothing else was to do, ms. */
  get spunMs(): number {
    return this.#spunMs;
  }

  async run(window: LoadWindow): Promise<void> {
    this.#window = window;
    this.#o.recorder.measureMs = window.measureMs;
    this.#sweeping = setInterval(() => this.#flights.sweep(this.#o.now()), SWEEP_MS);
    this.#o.ticker.start(this.#tick);
    this.#tick();
    await this.#ended.promise;
    clearInterval(this.#sweeping);
    this.#o.ticker.stop();
  }

  finish(): void {
    this.#isSending = false;
    this.#maybeEnd();
  }

  stop(): void {
    this.#isSending = false;
    this.#flights.abandon(this.#o.now());
    this.#maybeEnd();
  }

  readonly #tick = (): void => {
    const { schedule, now, recorder, maxInFlight } = this.#o;
    const { beginMs, measureMs, endMs } = this.#window;
    this.#endSpin(now());
    for (let sent = 0; this.#isSending; sent++) {
      const due = schedule.peek();
      if (due === null || (endMs !== null && beginMs + due >= endMs)) {
        this.finish();
        return;
      }
      const dueMs = beginMs + due;
      const nowMs = now();
      if (dueMs > nowMs) {
        this.#rest(dueMs, nowMs);
        return;
      }
      if (sent >= BURST) {
        setImmediate(this.#tick);
        return;
      }
      schedule.advance();
      const isMeasured = dueMs >= measureMs;
      if (this.#flights.count >= maxInFlight) {
        if (isMeasured) recorder.dropped();
        continue;
      }
      if (isMeasured) recorder.sent(nowMs - dueMs);
      this.#flights.launch(dueMs, nowMs, isMeasured);
    }
  };

  #rest(dueMs: number, nowMs: number): void {
    if (dueMs - nowMs > SPIN_MS) {
      this.#o.ticker.at(dueMs);
      return;
    }
    this.#spunAt = nowMs;
    setImmediate(this.#tick);
  }

  #endSpin(nowMs: number): void {
    const { measureMs, endMs } = this.#window;
    if (this.#spunAt !== null && this.#spunAt >= measureMs && (endMs === null || nowMs < endMs))
      this.#spunMs += nowMs - this.#spunAt;
    this.#spunAt = null;
  }

  /** What was spent on an answer was not spent on looking at the clock. */
  #onEnd(): void {
    this.#spunAt = null;
    this.#maybeEnd();
  }

  #maybeEnd(): void {
    if (!this.#isSending && this.#flights.count === 0) this.#ended.resolve();
  }
}
