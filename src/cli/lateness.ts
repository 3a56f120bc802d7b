import { DcsError } from "../core/errors.ts";
import { formatDuration } from "../core/util/duration.ts";

/** How long a keeper waits for the first pass of its checks unless --wait says otherwise. */
export const READY_MS = 60_000;

/** Ends a keeper whose instances do not get ready, so that nothing half done is left behind. */
export class Lateness {
  readonly #controller = new AbortController();
  readonly #readyMs: number;
  readonly #endMs: number;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(readyMs: number) {
    this.#endMs = performance.now() + readyMs;
    this.#readyMs = readyMs;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  start(): void {
    const left = this.#endMs - performance.now();
    if (!this.#over && Number.isFinite(left))
      this.#timer = setTimeout(() => this.#expire(), Math.max(0, left));
  }

  cancel(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #expire(): void {
    const text = `it was not ready within ${formatDuration(this.#readyMs)}, and is not left behind`;
    const hint = "see what its check says without --detach, or give a longer --wait";
    this.#controller.abort(new DcsError("WAIT_TIMEOUT", text, { hint, details: { waitMs: this.#readyMs } }));
  }
}
