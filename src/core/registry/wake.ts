import type { Clock } from "../util/clock.ts";

/** A bell that rings for one waiter: rung while nobody waits, the next wait returns at once. */
export class Wake {
  #rung = false;
  #ring: () => void = () => {};

  ring(): void {
    this.#rung = true;
    this.#ring();
  }

  /** Resolves when the bell rings, when `ms` have passed, or when the signal aborts; never rejects. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const cancel = Number.isFinite(ms) ? clock.timer(ms, resolve) : () => {};
        const done = () => {
          cancel();
          signal.removeEventListener("abort", done);
          resolve();
        };
        this.#ring = done;
        signal.addEventListener("abort", done, { once: true });
      });
    }
    this.#ring = () => {};
    this.#rung = false;
  }
}
