import { DcsError, isDcsError } from "../errors.ts";
import type { LeaseId, Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import { LeaseKeeper } from "./keeper.ts";

export interface KeepLeaseOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** After each renewal; `deadline` is monotonic ms. */
  readonly onRenewed: (ttlMs: number, deadline: number) => void;
  readonly onDoubt: (error: unknown, deadline: number) => void;
}

/** Keeps a lease that somebody granted, until the signal aborts. LEASE_NOT_FOUND as soon as it is gone. */
export async function keepLease(id: LeaseId, options: KeepLeaseOptions): Promise<void> {
  const { store, clock, signal, onRenewed, onDoubt } = options;
  const sent = clock.monotonic();
  let { ttlMs } = await store.keepAlive(id, { signal });
  onRenewed(ttlMs, sent + ttlMs);
  const keeper = new LeaseKeeper({
    ttlMs,
    deadline: sent + ttlMs,
    renew: async (stopped) => {
      const lease = await store.keepAlive(id, { signal: stopped });
      ttlMs = lease.ttlMs;
      return lease;
    },
    isGone: (error) => isDcsError(error, "LEASE_NOT_FOUND"),
    clock,
    onRenewed: (deadline) => onRenewed(ttlMs, deadline),
    onDoubt,
  });
  keeper.start();
  const aborted = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  const loss = await Promise.race([keeper.lost, aborted]);
  keeper.stop();
  if (loss === null) return;
  const why = loss.reason === "gone" ? "was revoked or ran out" : "could not be renewed in time";
  throw new DcsError("LEASE_NOT_FOUND", `lease ${id} ${why}`, {
    cause: loss.cause,
    details: { lease: id, reason: loss.reason },
  });
}
