import type { Revision, Store, WatchBatch } from "../store/store.ts";
import { backoffDelay } from "../util/backoff.ts";
import { type Clock, sleep } from "../util/clock.ts";

export interface FollowOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly prefix: string;
  readonly from: Revision;
  readonly onBatch: (batch: WatchBatch) => void;
  /** The watch broke and begins again: whoever needs certainty should read the store. */
  readonly onBreak: (error: unknown) => void;
}

const RETRY = { initialMs: 50, factor: 2, maxMs: 500 };

/** Watches a prefix until the signal aborts, across failures of the store. Never rejects. */
export async function follow(options: FollowOptions): Promise<void> {
  const { store, clock, signal, prefix, onBatch, onBreak } = options;
  let from = options.from;
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      for await (const batch of store.watch(prefix, from, signal)) {
        from = batch.revision + 1;
        attempt = 0;
        onBatch(batch);
      }
      if (signal.aborted) return;
      onBreak(new Error("the watch ended"));
    } catch (error) {
      if (signal.aborted) return;
      onBreak(error);
    }
    await sleep(clock, backoffDelay(RETRY, attempt), signal).catch(() => {});
  }
}
