import { DcsError, toDcsError } from "../../errors.ts";
import { type BackoffPolicy, backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { Change, CommitResult, Journal, LeaseTerms, Standing } from "../journal/journal.ts";
import type { JournalClock } from "./journal-clock.ts";
import { momentOf, type Tenure } from "./tenure.ts";

/** Most changes of one transaction: what is lost by a deadlock, and what a packet holds, stay bounded. */
const MAX_BATCH = 64;
const RETRY: BackoffPolicy = { initialMs: 50, factor: 2, maxMs: 1000 };

export interface CommitterOptions {
  readonly journal: Journal;
  readonly lease: LeaseTerms;
  readonly clock: Clock;
  readonly journalClock: JournalClock;
  readonly random: () => number;
}

interface Waiting {
  readonly change: Change;
  readonly tenure: Tenure;
  readonly resolve: (standing: Standing) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit that clocks itself: what arrives while a transaction is under way goes into the next one, so that a busy
 * worker writes many runs with one commit and an idle one waits for nobody. While the journal does not answer, the same
 * changes are given again (they carry their txid) until their leases are over.
 */
export class Committer {
  readonly #options: CommitterOptions;
  #queue: Waiting[] = [];
  #isBusy = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** How the run stands after it. Rejects where the journal refuses the change for good; `lost` when the lease is over. */
  commit(change: Change, tenure: Tenure): Promise<Standing> {
    const { promise, resolve, reject } = Promise.withResolvers<Standing>();
    this.#queue.push({ change, tenure, resolve, reject });
    if (!this.#isBusy) {
      this.#isBusy = true;
      void this.#drain();
    }
    return promise;
  }

  async #drain(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        // Each answer that has arrived is told in a turn of its own, and they all go along: SQLite holds up the event loop
        // for the whole commit, so that none could join it later.
        await new Promise((resolve) => setImmediate(resolve));
        const batch = this.#queue.splice(0, MAX_BATCH);
        await this.#write(batch);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    let open = batch;
    for (let attempt = 0; open.length > 0; attempt++) {
      const now = momentOf(this.#options.clock);
      for (const late of open.filter(({ tenure }) => tenure.leftAt(now) <= 0)) late.resolve("lost");
      open = open.filter(({ tenure }) => tenure.leftAt(now) > 0);
      if (open.length === 0) return;
      const failure = await this.#attempt(open);
      if (failure === null) return;
      if (!failure.retryable) {
        await this.#alone(open, failure);
        return;
      }
      await sleep(this.#options.clock, backoffDelay(RETRY, attempt, this.#options.random));
    }
  }

  /** One of them cannot be written; the others must not suffer for it. */
  async #alone(batch: readonly Waiting[], failure: DcsError): Promise<void> {
    const [only] = batch;
    if (batch.length === 1) only?.reject(failure);
    else for (const each of batch) await this.#write([each]);
  }

  async #attempt(batch: readonly Waiting[]): Promise<DcsError | null> {
    const { journal, lease, clock, journalClock } = this.#options;
    const sent = momentOf(clock);
    let result: CommitResult;
    try {
      result = await journal.commit(
        batch.map(({ change }) => change),
        lease,
      );
    } catch (error) {
      return toDcsError(error);
    }
    journalClock.observe(result.now);
    for (const [index, { tenure, resolve, reject }] of batch.entries()) {
      const standing = result.results[index];
      if (standing === undefined) {
        reject(new DcsError("UNEXPECTED", "the journal did not say what became of a change"));
        continue;
      }
      if (standing !== "lost") tenure.extend(sent);
      resolve(standing);
    }
    return null;
  }
}
