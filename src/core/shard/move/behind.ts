import type { Clock } from "../../util/clock.ts";

/** So long the log may fail to get shorter before it is said, ms. */
const PATIENCE_MS = 30_000;
/** It is said anew with other figures so often, ms. */
const AGAIN_MS = 5000;

/** Whether the log of a bucket gets shorter, or writers are faster than the move. */
export class Behind {
  readonly #clock: Clock;
  #shortest = Number.POSITIVE_INFINITY;
  #shortestAt = 0;
  #applied = 0;
  #saidAt: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** After a round that brought `ids` rows of the log and left `backlog`. For people, once in a while; undefined: nothing new; null: it is not so any more. */
  round(ids: number, backlog: number): string | null | undefined {
    const now = this.#clock.monotonic();
    if (backlog === 0 || backlog < this.#shortest) {
      this.#shortest = backlog === 0 ? Number.POSITIVE_INFINITY : backlog;
      this.#shortestAt = now;
      this.#applied = 0;
      if (this.#saidAt === null) return undefined;
      this.#saidAt = null;
      return null;
    }
    this.#applied += ids;
    const ms = now - this.#shortestAt;
    if (ms < PATIENCE_MS || (this.#saidAt !== null && now - this.#saidAt < AGAIN_MS)) return undefined;
    this.#saidAt = now;
    const perS = Math.round(((this.#applied + backlog - this.#shortest) * 1000) / ms);
    return `writes to the bucket come faster than they are brought over: ${backlog} rows behind, ${perS}/s`;
  }
}
