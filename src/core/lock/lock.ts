import type { Holder, LeaseId } from "../store/store.ts";

/**
 * The lock port. Drivers: the store (embedded, later etcd and Consul), later Redis. Every driver passes the suite in
 * test/contract/lock.
 */

export interface AcquireRequest {
  readonly name: string;
  readonly ttlMs: number;
  /** How long to wait while somebody else holds it, ms; 0 tries once, Infinity waits for ever. */
  readonly waitMs: number;
  readonly reason?: string;
  readonly holder: Holder;
  /** True when no process will keep the hold alive: it ends by TTL, release or renew with the token. */
  readonly detached: boolean;
  /** Called once when the lock is held by another and the wait begins. */
  readonly onWait?: (holder: LockHolder) => void;
  readonly signal?: AbortSignal;
}

/** A lock that is held. */
export interface Hold {
  readonly name: string;
  /** Proves ownership; needed to renew and release. Secret: it is not kept in the backend where that can be helped. */
  readonly token: string;
  /** Grows with every grant of this lock on this backend. */
  readonly fence: number;
  readonly ttlMs: number;
  /**
   * CLOCK_MONOTONIC ms by which the hold may have ended at the backend, counted from before the request was sent; the
   * holder must have stopped by then unless it renewed.
   */
  readonly deadline: number;
  /** Epoch ms of the same moment, for people. */
  readonly expiresAt: number;
  readonly lease: LeaseId;
}

/** The end of a renewed hold: see `Hold`. */
export interface Renewal {
  readonly ttlMs: number;
  readonly deadline: number;
  readonly expiresAt: number;
}

/** Who holds or waits, as others may see it. */
export interface LockHolder {
  readonly holder: Holder | null;
  readonly reason: string | null;
  readonly lease: LeaseId;
  readonly fence: number;
  /** Epoch ms when it asked for the lock; null for a holder that is not dcs. */
  readonly since: number | null;
  readonly ttlMs: number;
  readonly remainingMs: number;
  readonly detached: boolean;
}

export interface LockState {
  readonly name: string;
  /** First in the queue: who holds it now. */
  readonly holder: LockHolder;
  readonly waiters: readonly LockHolder[];
}

export type LockEvent =
  | {
      readonly type: "acquired";
      readonly name: string;
      readonly holder: LockHolder;
      readonly waiters: number;
    }
  | { readonly type: "released"; readonly name: string; readonly lease: LeaseId }
  | { readonly type: "waiting"; readonly name: string; readonly waiters: number };

export interface LockDriver extends AsyncDisposable {
  /** What stands under `backend` in JSON: `embedded`, `etcd`, `redis`. */
  readonly backend: string;
  /** Where it is, without secrets. */
  readonly url: string;
  readonly capabilities: { readonly fifo: boolean; readonly minTtlMs: number; readonly maxTtlMs: number };

  /** LOCK_HELD when the wait ran out; details name the holder. */
  acquire(request: AcquireRequest): Promise<Hold>;
  /** Gives the hold its full TTL again. LOCK_NOT_OWNED when the token is not the present holder's. */
  renew(name: string, token: string, signal?: AbortSignal): Promise<Renewal>;
  /** LOCK_NOT_OWNED when the token is not the present holder's; nothing is changed then. */
  release(name: string, token: string, signal?: AbortSignal): Promise<void>;
  /** Says which process group runs under the hold, so that a crash is seen only when all of it is gone. */
  setHolder(name: string, token: string, holder: Holder, signal?: AbortSignal): Promise<void>;
  /** Resolves when the hold is seen gone at the backend (broken, revoked, expired), or when the signal aborts. */
  gone(name: string, token: string, signal: AbortSignal): Promise<void>;
  list(signal?: AbortSignal): Promise<readonly LockState[]>;
  /** Null when nobody holds it or waits. */
  inspect(name: string, signal?: AbortSignal): Promise<LockState | null>;
  /** What happens to one lock, or to all; ends when the signal aborts. */
  watch(name: string | null, signal: AbortSignal): AsyncIterable<LockEvent>;
  close(): Promise<void>;
}
