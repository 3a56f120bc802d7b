import { type Clock, sleep } from "../../util/clock.ts";
import type { Definition } from "../definition/definition.ts";
import type { RunEvent } from "../engine/event.ts";
import type { Intent, RunState } from "../engine/run-state.ts";
import type { Journal, LeaseTerms, RunRecord } from "../journal/journal.ts";
import { Committer } from "./committer.ts";
import type { JournalClock } from "./journal-clock.ts";
import type { CallFactory } from "./run-calls.ts";
import { type DriverEnd, type DriverTools, RunDriver } from "./run-driver.ts";
import { type Moment, momentOf, Tenure } from "./tenure.ts";

/** Heartbeats in the time of one lease. */
const BEATS = 4;

export interface RunHostOptions {
  readonly journal: Journal;
  readonly lease: LeaseTerms;
  readonly calls: CallFactory;
  readonly clock: Clock;
  readonly journalClock: JournalClock;
  readonly random: () => number;
  /** As in `DriverTools`. */
  readonly holdMs: number;
}

/** A run that came here, and what it came with. */
export interface Arrival {
  readonly record: RunRecord;
  readonly definition: Definition;
  /** When the write was sent that gave us the lease. */
  readonly sent: Moment;
  /** What happened to it on the way. */
  readonly first: readonly RunEvent[];
  /** Calls that are durable and not begun. */
  readonly intents: readonly Intent[];
  readonly onStep?: ((state: RunState) => void) | undefined;
}

/** The runs that this process executes: their drivers, one committer, one heartbeat. */
export class RunHost {
  readonly #options: RunHostOptions;
  readonly #tools: DriverTools;
  readonly #drivers = new Set<RunDriver>();
  #stopBeating: AbortController | null = null;
  #isDraining = false;

  constructor(options: RunHostOptions) {
    this.#options = options;
    this.#tools = { ...options, committer: new Committer(options) };
  }

  get active(): number {
    return this.#drivers.size;
  }

  /** Executes a run until it has ended here; see `RunDriver.drive`. */
  async host({ record, definition, sent, first, intents, onStep }: Arrival): Promise<DriverEnd> {
    const { clock, lease } = this.#options;
    const driver = new RunDriver(
      record,
      definition,
      new Tenure(clock, lease.leaseMs, sent),
      this.#tools,
      onStep,
    );
    this.#drivers.add(driver);
    // It was on its way here when the others were told: a claim, or a look for its definition, was not over yet.
    if (this.#isDraining) driver.drain();
    if (this.#stopBeating === null) void this.#beat();
    try {
      return await driver.drive(first, intents);
    } finally {
      this.#drivers.delete(driver);
      // A timer that nobody needs would keep the process alive.
      if (this.#drivers.size === 0) this.#stopBeating?.abort();
    }
  }

  /** Begins no more calls; the runs are given up as soon as what is under way has been written down. */
  drain(): void {
    this.#isDraining = true;
    for (const driver of this.#drivers) driver.drain();
  }

  /** The same, but ends the calls under way now. */
  interrupt(): void {
    this.#isDraining = true;
    for (const driver of this.#drivers) driver.interrupt();
  }

  /** As long as there is anything to keep. */
  async #beat(): Promise<void> {
    const { clock, lease } = this.#options;
    const stop = new AbortController();
    this.#stopBeating = stop;
    while (!stop.signal.aborted) {
      const isOver = await sleep(clock, lease.leaseMs / BEATS, stop.signal).then(
        () => false,
        () => true,
      );
      if (!isOver) await this.#extend();
    }
    this.#stopBeating = null;
    if (this.#drivers.size > 0) void this.#beat();
  }

  async #extend(): Promise<void> {
    const { journal, lease, clock, journalClock } = this.#options;
    const drivers = [...this.#drivers];
    const sent = momentOf(clock);
    try {
      const { results, now } = await journal.heartbeat(
        drivers.map(({ held }) => held),
        lease,
      );
      journalClock.observe(now);
      for (const [index, driver] of drivers.entries()) {
        const standing = results[index];
        if (standing === "lost") driver.lose();
        else driver.tenure.extend(sent);
        if (standing === "moved") driver.moved();
      }
    } catch {
      // The next beat tries again; a lease that runs out meanwhile ends its run here by itself.
    }
  }
}
