import type { GrantRequest, Store } from "../../../src/core/store/store.ts";
import { newLeaseId } from "../../../src/core/util/ids.ts";

/** One place where stores live: `open` gives a new connection to the same data each time. */
export interface StoreHarness {
  open(): Promise<Store>;
  destroy(): Promise<void>;
  /** How long after its TTL a lease may be there at most, ms; 500 where absent. */
  readonly expiryLagMs?: number;
}

/** Who holds the leases of the suite. */
export const HOLDER = { host: "elsewhere", pid: 1, command: "contract" };

export function lease(ttlMs: number, over: Partial<GrantRequest> = {}): GrantRequest {
  return { id: newLeaseId(), ttlMs, holder: HOLDER, ...over };
}

/** What each test of the suite has: two connections to the same data, and a signal that is aborted when it ends. */
export interface StoreWorld {
  readonly harness: StoreHarness;
  readonly store: Store;
  readonly other: Store;
  readonly stop: AbortController;
}
