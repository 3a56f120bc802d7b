import { DcsError } from "../../core/errors.ts";
import { systemClock } from "../../core/util/clock.ts";
import { formatDuration } from "../../core/util/duration.ts";

/** How long a keeper waits for the first pass of its checks unless --wait says otherwise. */
export const READY_MS = 60_000;

/** Ends a keeper whose instances do not get ready, so that nothing half done is left behind. */
export class Lateness {
  readonly #controller = new AbortController();
  readonly #readyMs: number;
  readonly #why: () => string | null;
  readonly #endMs: number;
  #stop: () => void = () => {};
  #over = false;

  /** `why` says what is not ready, when it comes to that. */
  constructor(readyMs: number, why: () => string | null) {
    this.#why = why;
    this.#endMs = performance.now() + readyMs;
    this.#readyMs = readyMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  start(): void {
    const left = this.#endMs - performance.now();
    if (!this.#over && Number.isFinite(left)) this.#stop = systemClock.timer(left, () => this.#expire());
  }

  cancel(): void {
    this.#over = true;
    this.#stop();
  }

  #expire(): void {
    const why = this.#why();
    const reason = why === null ? "" : ` (${why})`;
    const text = `it was not ready within ${formatDuration(this.#readyMs)}${reason}, and is not left behind`;
    const hint = "correct what the check says, or give a longer --wait";
    this.#controller.abort(new DcsError("WAIT_TIMEOUT", text, { hint, details: { waitMs: this.#readyMs } }));
  }
}
