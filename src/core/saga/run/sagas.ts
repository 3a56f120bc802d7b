import { DcsError } from "../../errors.ts";
import { type Clock, sleep, systemClock } from "../../util/clock.ts";
import { randomHex } from "../../util/ids.ts";
import type { Caller } from "../call/call.ts";
import type { Json } from "../definition/expression.ts";
import type { ReadDefinition } from "../definition/read-definition.ts";
import { newRun } from "../engine/new-run.ts";
import type { RunState } from "../engine/run-state.ts";
import { transition } from "../engine/transition.ts";
import type { CallChange, Journal, JournalEvent, LeaseTerms, NewRun, RunRecord } from "../journal/journal.ts";
import type { ProcessSecrets } from "../secrets/process-secrets.ts";
import { arrive } from "./arrive.ts";
import { allCalls } from "./changed-calls.ts";
import { Definitions } from "./definitions.ts";
import { describe } from "./events.ts";
import { JournalClock } from "./journal-clock.ts";
import { CallFactory } from "./run-calls.ts";
import type { DriverEnd } from "./run-driver.ts";
import { RunHost } from "./run-host.ts";
import { newRunId } from "./run-id.ts";
import { momentOf } from "./tenure.ts";
import { Worker, type WorkerOptions } from "./worker.ts";

/** Default lease of a run: how long it stands still when its worker dies, ms. */
export const LEASE_MS = 10_000;
/** How often a run that another worker executes is looked at, ms. */
const LOOK_MS = 150;
/** Longest wait for a timer that a worker holds a run for; longer ones give it up meanwhile, ms. */
const HOLD_MS = 2000;

export interface SagasOptions {
  readonly journal: Journal;
  readonly caller: Caller;
  readonly secrets: ProcessSecrets;
  /** Who executes, for people and in the journal: `host/pid`. */
  readonly owner: string;
  readonly leaseMs?: number | undefined;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export interface NewRunParts {
  /** Checked and sealed. */
  readonly input: Json;
  /** The same key of the same saga begins one run only; null begins a run each time. */
  readonly businessKey: string | null;
}

export interface FollowOptions {
  /** Stops at once; the run stays as it is, for others to go on with. */
  readonly signal?: AbortSignal;
  /** Longest time to wait for its end, ms; without it as long as it takes. */
  readonly waitMs?: number | undefined;
  /** False only looks on, and leaves it to workers. */
  readonly executes?: boolean;
  readonly onStep?: (state: RunState) => void;
}

/** How following ended. `pending`: not over yet. */
export interface Followed {
  readonly record: RunRecord;
  readonly isOver: boolean;
}

/** The door to sagas: begins runs, executes them here, makes workers. */
export class Sagas {
  readonly journal: Journal;
  readonly definitions: Definitions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #lease: LeaseTerms;
  readonly #calls: CallFactory;
  #journalClock: JournalClock | null = null;

  constructor(options: SagasOptions) {
    this.journal = options.journal;
    this.definitions = new Definitions(options.journal);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    // Two processes of one host and pid are two owners: the epoch tells them apart, and so must a reader.
    this.#lease = { owner: `${options.owner}/${randomHex(3)}`, leaseMs: options.leaseMs ?? LEASE_MS };
    this.#calls = new CallFactory(options);
  }

  /** Writes a run down and leaves it to the workers. With a business key that was used before it gives that run. */
  async start(read: ReadDefinition, parts: NewRunParts): Promise<{ runId: string; isNew: boolean }> {
    await this.definitions.put(read);
    const state = await this.#fresh(read, parts.input);
    const result = await this.journal.create({
      ...this.#newRun(read, parts, state, [], [{ type: "started" }]),
      lease: null,
    });
    return result.created ? { runId: state.runId, isNew: true } : { runId: result.existing, isNew: false };
  }

  /**
   * Begins a run and executes it here: its first calls are written down together with the run itself. Afterwards as
   * `follow`. With a business key that was used before it follows that run.
   */
  async run(read: ReadDefinition, parts: NewRunParts, options: FollowOptions = {}): Promise<Followed> {
    await this.definitions.put(read);
    const journalClock = await this.#time();
    const { definition } = read;
    const before = await this.#fresh(read, parts.input);
    const { state, intents } = transition(
      before,
      { type: "started" },
      { definition, now: journalClock.now(), random: this.#random },
    );
    const begun = intents.map((intent) => this.#calls.make(intent, state, definition));
    const calls = allCalls(state, begun);
    const sent = momentOf(this.#clock);
    const events: JournalEvent[] = describe(null, [{ type: "started" }], state, intents);
    const result = await this.journal.create({
      ...this.#newRun(read, parts, state, calls, events),
      lease: this.#lease,
    });
    if (!result.created) return this.follow(result.existing, options);
    journalClock.observe(result.now);
    const record = freshRecord(state, parts, definition.saga, this.#lease.owner, result.now);
    options.onStep?.(state);
    return this.#here(record, { definition, sent, first: [], intents }, options);
  }

  /**
   * Sees a run to its end: executes it here as soon as nobody else does, and looks on while somebody does. RUN_NOT_FOUND.
   */
  async follow(runId: string, options: FollowOptions = {}): Promise<Followed> {
    const deadline = this.#deadline(options.waitMs);
    const executes = options.executes ?? true;
    let seen = -1;
    for (;;) {
      const journalClock = await this.#time();
      const sent = momentOf(this.#clock);
      if (executes) {
        const { runs, now } = await this.journal.claim({ ...this.#lease, limit: 1, runId });
        journalClock.observe(now);
        const [record] = runs;
        if (record !== undefined) {
          options.onStep?.(record.state);
          const arrival = await arrive(record, this.definitions, sent);
          const leftMs = deadline === null ? undefined : deadline - this.#clock.monotonic();
          return this.#here(record, arrival, { ...options, waitMs: leftMs });
        }
      }
      const record = await this.#read(runId);
      if (record.seq !== seen) options.onStep?.(record.state);
      seen = record.seq;
      if (isOver(record)) return { record, isOver: true };
      const isLate = deadline !== null && this.#clock.monotonic() >= deadline;
      if (isLate || options.signal?.aborted) return { record, isOver: false };
      await sleep(this.#clock, LOOK_MS, options.signal).catch(() => {});
    }
  }

  /** Writes down a run that replays another, for `follow` or a worker. RUN_MOVED when somebody else replayed it first. */
  async startChild(run: Omit<NewRun, "txid" | "lease">): Promise<void> {
    await this.journal.create({ ...run, txid: randomHex(16), lease: null });
  }

  /** A worker of this process. */
  async worker(
    options: Pick<WorkerOptions, "concurrency" | "pollMs" | "onEvent" | "untilIdle">,
  ): Promise<Worker> {
    const journalClock = await this.#time();
    return new Worker({
      ...options,
      journal: this.journal,
      host: this.#host(journalClock, HOLD_MS),
      definitions: this.definitions,
      lease: this.#lease,
      clock: this.#clock,
      journalClock,
      random: this.#random,
    });
  }

  async #here(
    record: RunRecord,
    arrival: Omit<Parameters<RunHost["host"]>[0], "record" | "onStep">,
    options: FollowOptions,
  ): Promise<Followed> {
    const { signal, waitMs, onStep } = options;
    const host = this.#host(await this.#time(), Number.POSITIVE_INFINITY);
    const onAbort = () => host.drain();
    const cancel = waitMs === undefined ? () => {} : this.#clock.timer(Math.max(0, waitMs), onAbort);
    const driving = host.host({ ...arrival, record, onStep });
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    let end: DriverEnd;
    try {
      end = await driving;
    } finally {
      cancel();
      signal?.removeEventListener("abort", onAbort);
    }
    const now = await this.#read(record.state.runId);
    if (end.kind === "lost" && !isOver(now)) {
      throw new DcsError(
        "RUN_LOST",
        `the lease of run ${record.state.runId} was lost; ${this.#whoHas(now)}`,
        {
          details: { run: record.state.runId, owner: now.owner, epoch: now.epoch },
        },
      );
    }
    return { record: now, isOver: isOver(now) };
  }

  #whoHas({ owner }: RunRecord): string {
    return owner === null || owner === this.#lease.owner ? "nobody has it now" : `${owner} has it now`;
  }

  #host(journalClock: JournalClock, holdMs: number): RunHost {
    return new RunHost({
      journal: this.journal,
      lease: this.#lease,
      calls: this.#calls,
      clock: this.#clock,
      journalClock,
      random: this.#random,
      holdMs,
    });
  }

  async #fresh({ definition, hash }: ReadDefinition, input: Json): Promise<RunState> {
    const runId = newRunId((await this.#time()).now());
    return newRun(definition, { runId, defHash: hash, input });
  }

  #newRun(
    { definition }: ReadDefinition,
    { businessKey }: NewRunParts,
    state: RunState,
    calls: readonly CallChange[],
    events: readonly JournalEvent[],
  ): Omit<NewRun, "lease"> {
    const all = calls.length === 0 ? allCalls(state) : calls;
    return {
      state,
      saga: definition.saga,
      businessKey,
      txid: randomHex(16),
      calls: all,
      events,
      audit: null,
    };
  }

  async #read(runId: string): Promise<RunRecord> {
    const record = await this.journal.run(runId);
    if (record !== null) return record;
    throw new DcsError("RUN_NOT_FOUND", `no run ${runId} in ${this.journal.url}`, {
      details: { run: runId },
    });
  }

  async #time(): Promise<JournalClock> {
    this.#journalClock ??= new JournalClock(this.#clock, await this.journal.now());
    return this.#journalClock;
  }

  #deadline(waitMs: number | undefined): number | null {
    return waitMs === undefined || !Number.isFinite(waitMs) ? null : this.#clock.monotonic() + waitMs;
  }
}

/** True when nothing moves it any more but an operator, and none has asked for anything. */
export function isOver({ state, requests }: RunRecord): boolean {
  return state.status !== "running" && state.status !== "compensating" && requests.length === 0;
}

function freshRecord(
  state: RunState,
  { businessKey }: NewRunParts,
  saga: string,
  owner: string,
  now: number,
): RunRecord {
  return {
    ...{ state, saga, businessKey, owner, epoch: 1, seq: 1, dueAt: now, claims: 0 },
    ...{ createdAt: now, updatedAt: now, requests: [], inputHashes: {} },
  };
}
