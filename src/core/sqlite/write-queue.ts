import type { DatabaseSync, StatementSync } from "node:sqlite";
import { DcsError } from "../errors.ts";
import { type Clock, sleep } from "../util/clock.ts";
import { isBusy, toStoreError } from "./errors.ts";
import { Turn } from "./turn.ts";

/** How long a writer tries its luck before it asks to go first. */
const PATIENCE_MS = 15;
/** Most jobs one transaction takes along, so that other processes get their turn. */
const MAX_BATCH = 256;

export interface WriteQueueOptions {
  readonly db: DatabaseSync;
  readonly path: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Runs in the transaction before the jobs, and again when they are retried one by one. */
  readonly before: () => void;
  /** Runs in the transaction after the jobs. */
  readonly after: () => void;
  readonly committed: () => void;
  readonly random?: () => number;
}

interface Job {
  readonly run: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The one way to write an SQLite file of dcs: `BEGIN IMMEDIATE`, never SQLite's own busy handler (it blocks the event
 * loop and starves writers), and everything that arrives while a transaction is awaited goes into that transaction.
 */
export class WriteQueue {
  readonly #options: WriteQueueOptions;
  readonly #turn: Turn;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #jobs: Job[] = [];
  #draining: Promise<void> | null = null;
  #closed = false;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
    this.#turn = new Turn(options.path);
    this.#begin = options.db.prepare("BEGIN IMMEDIATE");
    this.#commit = options.db.prepare("COMMIT");
  }

  /** Runs `job` inside a transaction and resolves with its result once that is committed. What it throws rolls it back. */
  run<T>(job: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push({ run: job, resolve: resolve as (value: unknown) => void, reject });
      this.#draining ??= Promise.resolve().then(() => this.#drain());
    });
  }

  /** Refuses what has not been begun, and resolves when the rest is committed. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#draining !== null) await this.#draining;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#jobs.length > 0) {
        try {
          await this.#lock();
        } catch (error) {
          for (const job of this.#jobs.splice(0)) job.reject(error);
          return;
        }
        this.#transact(this.#jobs.splice(0, MAX_BATCH));
      }
    } finally {
      this.#draining = null;
    }
  }

  /** Gets the write lock; the transaction is open when it resolves. */
  async #lock(): Promise<void> {
    const { clock, timeoutMs, path } = this.#options;
    const random = this.#options.random ?? Math.random;
    const started = clock.monotonic();
    try {
      for (let attempt = 0; ; attempt++) {
        if (!this.#turn.mustYield() && this.#tryBegin()) return;
        const waited = clock.monotonic() - started;
        if (this.#closed || waited >= timeoutMs) {
          throw new DcsError(
            "STORE_BUSY",
            `another process held the write lock of ${path} for ${Math.round(waited)} ms`,
            { details: { path, waitedMs: Math.round(waited) } },
          );
        }
        if (waited > PATIENCE_MS) this.#turn.take();
        if (attempt < 3) await new Promise((resolve) => setImmediate(resolve));
        else await sleep(clock, 1 + random() * 2);
      }
    } finally {
      this.#turn.giveBack();
    }
  }

  #tryBegin(): boolean {
    try {
      this.#begin.run();
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      throw toStoreError(error, this.#options.path);
    }
  }

  #transact(jobs: readonly Job[]): void {
    const results: unknown[] = [];
    try {
      this.#options.before();
      for (const job of jobs) results.push(job.run());
      this.#options.after();
      this.#commit.run();
    } catch (error) {
      this.#rollback();
      this.#retryOneByOne(jobs, error);
      return;
    }
    this.#options.committed();
    jobs.forEach((job, index) => {
      job.resolve(results[index]);
    });
  }

  /** One job of a batch failed: the others must not fail with it. */
  #retryOneByOne(jobs: readonly Job[], error: unknown): void {
    const [only] = jobs;
    if (jobs.length === 1 && only !== undefined) {
      only.reject(toStoreError(error, this.#options.path));
      return;
    }
    for (const job of jobs) {
      try {
        if (this.#tryBegin()) this.#transact([job]);
        else this.#jobs.push(job);
      } catch (cause) {
        job.reject(cause);
      }
    }
  }

  #rollback(): void {
    if (this.#options.db.isTransaction) this.#options.db.exec("ROLLBACK");
  }
}
