/** A part of the load: the rate goes in a straight line from `from` to `to` requests per second. */
export interface Stage {
  readonly from: number;
  readonly to: number;
  readonly durationMs: number;
}

/** How requests are spread over a second: at even distances, or as independent users come. */
export const ARRIVALS = ["even", "poisson"] as const;
export type Arrival = (typeof ARRIVALS)[number];

/** How many requests the stages hold in their first `ms`. */
export function requestsUntil(stages: readonly Stage[], ms: number): number {
  let beginMs = 0;
  let sum = 0;
  for (const { from, to, durationMs } of stages) {
    const held = Math.min(Math.max(ms - beginMs, 0), durationMs);
    const at = durationMs === Number.POSITIVE_INFINITY ? to : from + ((to - from) * held) / durationMs;
    sum += ((from + at) / 2) * (held / 1000);
    beginMs += durationMs;
  }
  return sum;
}

/**
 * When request number `index` is due, in ms from the beginning: the time at which the sum under the rates has reached `index`.
 * Null when the stages hold no more. Fractions are allowed.
 */
export function dueAt(stages: readonly Stage[], index: number): number | null {
  let left = index;
  let beginMs = 0;
  for (const stage of stages) {
    const { from, to, durationMs } = stage;
    const held = ((from + to) / 2) * (durationMs / 1000);
    if (left < held) return beginMs + timeWithin(stage, left);
    left -= held;
    beginMs += durationMs;
  }
  return null;
}

/** Solves from·t + (to - from)/(2T)·t² = count for t, in the form that does not cancel. */
function timeWithin({ from, to, durationMs }: Stage, count: number): number {
  const seconds = durationMs / 1000;
  const slope = (to - from) / seconds;
  const root = Math.sqrt(Math.max(0, from * from + 2 * slope * count));
  return from + root === 0 ? 0 : ((2 * count) / (from + root)) * 1000;
}

export interface ScheduleOptions {
  readonly stages: readonly Stage[];
  readonly arrival: Arrival;
  /** This worker, and how many there are: it sends every `workers`th request. */
  readonly worker: number;
  readonly workers: number;
  /** Ends after so many requests of all workers. */
  readonly amount: number | null;
  readonly random: () => number;
}

/**
 * The times at which one worker's requests are due. The times are absolute: one that is late moves none of the others. Even
 * arrivals of all workers together are even; the sum of their Poisson processes is one.
 */
export class Schedule {
  readonly #o: ScheduleOptions;
  #index: number;
  #position: number;

  constructor(options: ScheduleOptions) {
    this.#o = options;
    this.#index = options.worker;
    this.#position = options.arrival === "even" ? options.worker : this.#gap();
  }

  /** When the next request is due, in ms from the beginning; null when there is none. */
  peek(): number | null {
    const { amount, stages } = this.#o;
    return amount !== null && this.#index >= amount ? null : dueAt(stages, this.#position);
  }

  advance(): void {
    const { arrival, workers } = this.#o;
    this.#index += workers;
    this.#position += arrival === "even" ? workers : this.#gap();
  }

  /** To the next of a Poisson process, counted in requests of all workers. */
  #gap(): number {
    return -Math.log(1 - this.#o.random()) * this.#o.workers;
  }
}
