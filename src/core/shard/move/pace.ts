import type { Clock } from "../../util/clock.ts";

/** Weight of the newest measurement. */
const NEW = 0.3;
/** The flip asks the store twice, and a little more for what we cannot know. */
const FLIP_CALLS = 2.5;

/** How long the parts of a cut take, as they were measured in this move. */
export class Pace {
  readonly #clock: Clock;
  #storeMs: number | null = null;
  #changeMs: number | null = null;
  #roundMs: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The store answered. */
  asked(ms: number): void {
    this.#storeMs = blended(this.#storeMs, ms);
  }

  /** A row was changed. The shortest: the others waited for locks. */
  changed(ms: number): void {
    this.#changeMs = Math.min(this.#changeMs ?? ms, ms);
  }

  /** Measures a round of the log; the last one counts: the first had to connect. */
  async round<T>(work: Promise<T>): Promise<T> {
    const from = this.#clock.monotonic();
    const done = await work;
    this.#roundMs = this.#clock.monotonic() - from;
    return done;
  }

  /** The last round of the log, ms. */
  get roundMs(): number {
    return this.#roundMs ?? 0;
  }

  /** Flip and opening, ms: what is left when there is no way back to the log. */
  get afterSeal(): number {
    return (this.#storeMs ?? 0) * FLIP_CALLS + (this.#changeMs ?? 0) * 2;
  }

  /** From the request for the lock to the opening, ms. */
  get whole(): number {
    return (this.#roundMs ?? 0) * 2 + (this.#changeMs ?? 0) * 2 + this.afterSeal;
  }
}

function blended(before: number | null, now: number): number {
  return before === null ? now : before + (now - before) * NEW;
}
