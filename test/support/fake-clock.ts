import type { Clock } from "../../src/core/util/clock.ts";

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

/** Time that moves only when the test says so. */
export class FakeClock implements Clock {
  #monotonic = 1_000_000;
  #suspended = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return 1_700_000_000_000 + this.boottime();
  }

  monotonic(): number {
    return this.#monotonic;
  }

  boottime(): number {
    return this.#monotonic + this.#suspended;
  }

  timer(ms: number, fn: () => void): () => void {
    const timer = { at: this.#monotonic + Math.max(0, ms), fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  delay(ms: number): Promise<void> {
    return new Promise((resolve) => this.timer(ms, resolve));
  }

  /** The machine sleeps: boot time goes on, the monotonic clock and timers stand still. */
  suspend(ms: number): void {
    this.#suspended += ms;
  }

  /** Lets `ms` pass: timers fire in order, and what they start in promises runs before the next one. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      await settle();
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.#timers.delete(next);
      this.#monotonic = Math.max(this.#monotonic, next.at);
      next.fn();
    }
    this.#monotonic = end;
    await settle();
  }
}

/** Lets pending promise reactions run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
