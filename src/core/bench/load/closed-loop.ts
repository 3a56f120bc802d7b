import type { Driver } from "../drive/driver.ts";
import { Flights } from "./flights.ts";
import { type Load, type LoadWindow, reached, SWEEP_MS } from "./load.ts";
import type { Recorder } from "./recorder.ts";

export interface ClosedLoopOptions {
  readonly driver: Driver;
  readonly recorder: Recorder;
  readonly timeoutMs: number;
  /** Requests under way at a time. */
  readonly lanes: number;
  /** Ends after so many measured requests. */
  readonly amount: number | null;
  readonly now: () => number;
}

/** After a failure a lane waits, so that a target that is gone is not asked a hundred thousand times a second. */
const FAILED_MS = 20;

/** Keeps a number of requests under way: the next is sent when one has ended. Says how much the target can take. */
export class ClosedLoop implements Load {
  readonly #o: ClosedLoopOptions;
  readonly #flights: Flights;
  readonly #ended = Promise.withResolvers<void>();
  readonly #waiting = new Set<NodeJS.Timeout>();
  #window: LoadWindow = { beginMs: 0, measureMs: 0, endMs: null };
  #left: number;
  #isSending = true;

  constructor(options: ClosedLoopOptions) {
    this.#o = options;
    this.#left = options.amount ?? Number.POSITIVE_INFINITY;
    const { driver, recorder, timeoutMs, now } = options;
    this.#flights = new Flights({ driver, recorder, timeoutMs, now, onEnd: (isOk) => this.#next(isOk) });
  }

  async run(window: LoadWindow): Promise<void> {
    this.#window = window;
    this.#o.recorder.measureMs = window.measureMs;
    const sweeping = setInterval(() => this.#flights.sweep(this.#o.now()), SWEEP_MS);
    await reached(window.beginMs, this.#o.now);
    for (let lane = 0; lane < this.#o.lanes; lane++) this.#send();
    this.#maybeEnd();
    await this.#ended.promise;
    clearInterval(sweeping);
  }

  finish(): void {
    this.#isSending = false;
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#waiting.clear();
    this.#maybeEnd();
  }

  stop(): void {
    this.#isSending = false;
    this.#flights.abandon(this.#o.now());
    this.finish();
  }

  #next(isOk: boolean): void {
    if (isOk) this.#send();
    else if (this.#isSending) {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer);
        this.#send();
      }, FAILED_MS);
      this.#waiting.add(timer);
    }
    this.#maybeEnd();
  }

  #send(): void {
    if (!this.#isSending) return;
    const { now, recorder } = this.#o;
    const { measureMs, endMs } = this.#window;
    const nowMs = now();
    if (this.#left <= 0 || (endMs !== null && nowMs >= endMs)) {
      this.finish();
      return;
    }
    const isMeasured = nowMs >= measureMs;
    if (isMeasured) {
      this.#left -= 1;
      recorder.sentAtOnce();
    }
    this.#flights.launch(nowMs, nowMs, isMeasured);
  }

  #maybeEnd(): void {
    if (!this.#isSending && this.#flights.count === 0) this.#ended.resolve();
  }
}
