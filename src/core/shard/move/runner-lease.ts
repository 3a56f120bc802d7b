import { hostname } from "node:os";
import { keepLease } from "../../lease/keep-lease.ts";
import { currentHolder } from "../../process/identity.ts";
import type { LeaseId, Store } from "../../store/store.ts";
import type { Clock } from "../../util/clock.ts";
import { newLeaseId, randomHex } from "../../util/ids.ts";
import type { RunnerRef } from "../map/shard-state.ts";

export interface RunnerLeaseOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** How long after this process is gone its moves may be taken over, ms. */
  readonly ttlMs: number;
}

/**
 * The one lease under all moves of this process. One that is lost (the process slept, or the store could not be reached) is not
 * mourned: every token on it is worthless by then, and the next takeover is given a new one.
 */
export class RunnerLease implements AsyncDisposable {
  readonly #options: RunnerLeaseOptions;
  readonly #closed = new AbortController();
  #granted: Promise<LeaseId> | null = null;

  constructor(options: RunnerLeaseOptions) {
    this.#options = options;
  }

  /** A new name on a lease that lives, as far as is known. Rejects with the store's errors. */
  async ref(): Promise<RunnerRef> {
    this.#granted ??= this.#grant();
    const granted = this.#granted;
    try {
      return { id: randomHex(8), lease: await granted, host: hostname(), pid: process.pid };
    } catch (error) {
      if (this.#granted === granted) this.#granted = null;
      throw error;
    }
  }

  /** Whether a move is run by this process. */
  async owns(lease: LeaseId | null): Promise<boolean> {
    return this.#granted !== null && lease === (await this.#granted.catch(() => null));
  }

  /** Ends the lease: others may take over at once what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    const lease = await this.#granted?.catch(() => null);
    // Where the store does not answer, it ends by itself.
    if (lease != null) await this.#options.store.revoke(lease).catch(() => {});
  }

  async #grant(): Promise<LeaseId> {
    const { store, clock, ttlMs } = this.#options;
    const { minTtlMs, maxTtlMs } = store.capabilities;
    const ttl = Math.min(maxTtlMs, Math.max(minTtlMs, ttlMs));
    const { id } = await store.grant({ id: newLeaseId(), ttlMs: ttl, holder: currentHolder() });
    const { signal } = this.#closed;
    keepLease(id, { store, clock, signal, onRenewed: () => {}, onDoubt: () => {} })
      .catch(() => {})
      .finally(() => {
        if (!signal.aborted) this.#granted = null;
      });
    return id;
  }
}
