import type { Call, Driver } from "../drive/driver.ts";
import type { Ended, Recorder } from "./recorder.ts";

export interface FlightsOptions {
  readonly driver: Driver;
  readonly recorder: Recorder;
  readonly timeoutMs: number;
  /** Ms of a clock that is never set back, with fraction. */
  readonly now: () => number;
  /** A request has ended; `isOk` says how. The loop of max mode sends the next one then. */
  readonly onEnd: (isOk: boolean) => void;
}

/**
 * The requests under way. All have the same limit of time, so they run out in the order in which they were sent: one list, whose
 * head is looked at now and then, in place of a timer each.
 */
export class Flights {
  readonly #o: FlightsOptions;
  #first: Flight | null = null;
  #last: Flight | null = null;
  #count = 0;

  constructor(options: FlightsOptions) {
    this.#o = options;
  }

  get count(): number {
    return this.#count;
  }

  /** Sends one. What is not measured (the warm-up) is sent like all others, and not recorded. */
  launch(dueMs: number, launchedMs: number, isMeasured: boolean): void {
    const flight = new Flight(this, dueMs, launchedMs, isMeasured);
    flight.previous = this.#last;
    if (this.#last === null) this.#first = flight;
    else this.#last.next = flight;
    this.#last = flight;
    this.#count += 1;
    this.#o.driver.send(flight);
  }

  /** Gives up what has run out of time. */
  sweep(nowMs: number): void {
    for (let flight = this.#first; flight !== null; flight = this.#first) {
      if (nowMs - flight.launchedMs < this.#o.timeoutMs) return;
      this.#giveUp(flight);
      if (flight.isMeasured) this.#o.recorder.timedOut(flight, nowMs);
      this.#o.onEnd(false);
    }
  }

  /** Gives up everything: the run was stopped. */
  abandon(nowMs: number): void {
    for (let flight = this.#first; flight !== null; flight = this.#first) {
      this.#giveUp(flight);
      if (flight.isMeasured) this.#o.recorder.unfinished(flight, nowMs);
    }
  }

  /** For a flight: when its first byte is written. */
  now(): number {
    return this.#o.now();
  }

  /** For a flight: its answer is there. */
  ok(flight: Flight, bytes: number): void {
    this.#remove(flight);
    if (flight.isMeasured) this.#o.recorder.ok(flight, this.#o.now(), bytes);
    else this.#o.recorder.carriedOver(this.#o.now());
    this.#o.onEnd(true);
  }

  /** For a flight: it has failed. */
  failed(flight: Flight, kind: string, example: string): void {
    this.#remove(flight);
    if (flight.isMeasured) this.#o.recorder.failed(flight, this.#o.now(), kind, example);
    this.#o.onEnd(false);
  }

  #giveUp(flight: Flight): void {
    this.#remove(flight);
    flight.cancel?.();
  }

  #remove(flight: Flight): void {
    flight.isOver = true;
    const { previous, next } = flight;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    flight.previous = null;
    flight.next = null;
    this.#count -= 1;
  }
}

class Flight implements Call, Ended {
  readonly #flights: Flights;
  readonly dueMs: number;
  readonly launchedMs: number;
  readonly isMeasured: boolean;
  beganMs: number | null = null;
  instance = 0;
  cancel: (() => void) | null = null;
  isOver = false;
  previous: Flight | null = null;
  next: Flight | null = null;

  constructor(flights: Flights, dueMs: number, launchedMs: number, isMeasured: boolean) {
    this.#flights = flights;
    this.dueMs = dueMs;
    this.launchedMs = launchedMs;
    this.isMeasured = isMeasured;
  }

  began(): void {
    this.beganMs = this.#flights.now();
  }

  ok(bytes: number): void {
    if (!this.isOver) this.#flights.ok(this, bytes);
  }

  failed(kind: string, example: string): void {
    if (!this.isOver) this.#flights.failed(this, kind, example);
  }
}
