import type { Clock } from "../../util/clock.ts";

/**
 * The journal's time, known without asking: its last answer plus what has passed here since. Behind it by at most one round
 * trip, and off by what the two clocks drift apart between two answers.
 */
export class JournalClock {
  readonly #clock: Clock;
  #at: number;
  #seen: number;

  constructor(clock: Clock, now: number) {
    this.#clock = clock;
    this.#at = clock.monotonic();
    this.#seen = now;
  }

  /** What the journal just said. */
  observe(now: number): void {
    this.#seen = now;
    this.#at = this.#clock.monotonic();
  }

  /** Epoch ms of the journal. */
  now(): number {
    return Math.floor(this.#seen + this.#clock.monotonic() - this.#at);
  }
}
