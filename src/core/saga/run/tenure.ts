import type { Clock } from "../../util/clock.ts";

/** Part of a lease that is not used: for the last write and the clocks' drift. */
const MARGIN = 0.15;

/** A moment on both of our clocks: one of them goes on while the machine is suspended. */
export interface Moment {
  readonly monotonic: number;
  readonly boottime: number;
}

export function momentOf(clock: Clock): Moment {
  return { monotonic: clock.monotonic(), boottime: clock.boottime() };
}

/**
 * How long a lease may be relied on here: from the moment the last acknowledged write of it was *sent*, less a margin.
 * After that another worker may have the run, whatever this process believes.
 */
export class Tenure {
  readonly #clock: Clock;
  readonly #usableMs: number;
  #from: Moment;

  constructor(clock: Clock, leaseMs: number, sent: Moment) {
    this.#clock = clock;
    this.#usableMs = leaseMs * (1 - MARGIN);
    this.#from = sent;
  }

  /** The lease was extended by a write that was sent then. */
  extend(sent: Moment): void {
    if (sent.monotonic > this.#from.monotonic) this.#from = sent;
  }

  /** Milliseconds that it can still be relied on; not positive when it cannot. */
  get leftMs(): number {
    return this.leftAt(momentOf(this.#clock));
  }

  /** The same at a moment, for many at once: asking for the time since boot is a system call of some microseconds. */
  leftAt({ monotonic, boottime }: Moment): number {
    return this.#usableMs - Math.max(monotonic - this.#from.monotonic, boottime - this.#from.boottime);
  }
}
