import type { Holder } from "../process/holder.ts";

export type { Holder };

/**
 * The store port: revisioned keys, compare-and-set transactions, leases, watch.
 *
 * Every driver (embedded, later etcd and Consul) passes the suite in test/contract/store. Recipes above it (registry,
 * locks, elections) use nothing else, so they run unchanged on every driver.
 */

/** A number that grows with every change of the store. Sparse: two changes may be far apart. Below 2^53. */
export type Revision = number;

/** Lower-case hex, as etcdctl prints it. Opaque: a driver may choose it. */
export type LeaseId = string;

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  /** Revision of the put that made the key; deleting and putting again makes a new one. */
  readonly createRevision: Revision;
  /** Revision of the last put. */
  readonly modRevision: Revision;
  /** The lease the key lives on; null when it lives for ever. */
  readonly lease: LeaseId | null;
}

/** One condition of a transaction; all must hold. */
export type Compare =
  | { readonly key: string; readonly is: "absent" | "present" }
  /** No key at all starts with `prefix`. */
  | { readonly prefix: string; readonly is: "absent" }
  | { readonly key: string; readonly createRevision: Revision }
  | { readonly key: string; readonly modRevision: Revision }
  | { readonly key: string; readonly lease: LeaseId }
  | { readonly key: string; readonly value: string };

/** One change of a transaction. A key may be named by one operation only. */
export type Op =
  | { readonly put: string; readonly value: string; readonly lease?: LeaseId }
  | { readonly delete: string };

/** Operations one transaction may hold; callers with more split them. */
export const MAX_TXN_OPS = 64;

export interface GrantRequest {
  /** The id to use, so that a repeated grant is idempotent; the driver may ignore it (`capabilities.choosesLeaseId`). */
  readonly id: LeaseId;
  readonly ttlMs: number;
  readonly holder: Holder;
  /**
   * True when no process keeps the lease: only its TTL ends it, and it survives the death of `holder`, on the embedded
   * store even a reboot (by wall clock).
   */
  readonly detached?: boolean;
}

export interface Lease {
  readonly id: LeaseId;
  /** What was granted, which may be more than was asked for. */
  readonly ttlMs: number;
}

export interface LeaseInfo extends Lease {
  readonly remainingMs: number;
  /** Epoch ms; null where the backend does not keep it. */
  readonly grantedAt: number | null;
  readonly detached: boolean;
  readonly holder: Holder | null;
  /** Keys that live on the lease, sorted. */
  readonly keys: readonly string[];
}

export interface TxnRequest {
  readonly compares?: readonly Compare[];
  readonly ops: readonly Op[];
  /** A lease to make in the same step: it exists if and only if the transaction succeeded. Ops may name its id. */
  readonly grant?: GrantRequest;
  /**
   * A lease of the caller's own to end with the step, if that succeeded; its keys go with it. A backend that cannot do
   * both at once makes the step first. Beside `grant` it is another lease than that.
   */
  readonly revoke?: LeaseId;
}

export interface TxnResult {
  readonly succeeded: boolean;
  /** The revision of this change, or the store's present one where nothing was changed. */
  readonly revision: Revision;
}

export interface ListResult {
  readonly kvs: readonly KeyValue[];
  /** The store's revision when the list was read; watch from this + 1 to miss nothing. */
  readonly revision: Revision;
}

/** Which of the keys a list is to have, where not all. */
export interface ListOptions extends CallOptions {
  /** `oldest` and `newest`: by create revision, keys made in one step in no certain order; by key unless given. */
  readonly order?: "key" | "oldest" | "newest";
  /** Only the first so many in that order; at least 1. */
  readonly limit?: number;
  /** Only keys that were made before this revision. */
  readonly createdBefore?: Revision;
}

export type WatchEvent =
  | { readonly type: "put"; readonly kv: KeyValue }
  | { readonly type: "delete"; readonly key: string; readonly revision: Revision };

/**
 * What changed, in revision order. Each key's last state and every deletion that outlasts a reconnect are delivered;
 * revisions in between may be merged, so a delete may be seen of a key never seen before.
 */
export interface WatchBatch {
  readonly events: readonly WatchEvent[];
  /** Everything up to here has been delivered; resume from this + 1. */
  readonly revision: Revision;
  /**
   * True when history was lost (compaction, another cluster): `events` are then puts of every key there is now, and a
   * key that is not among them is gone.
   */
  readonly resync: boolean;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface StoreCapabilities {
  /** Waiters of a lock are served in the order they came. */
  readonly fifo: boolean;
  /** Shortest TTL the driver grants, ms; shorter requests are raised to it. */
  readonly minTtlMs: number;
  /** Longest TTL, ms. */
  readonly maxTtlMs: number;
  /** Lease ids are the backend's own; `GrantRequest.id` is ignored. */
  readonly choosesLeaseId: boolean;
  /** `TxnRequest.grant` and `revoke` cost nothing beside their transaction; elsewhere each is a call of its own. */
  readonly leasesInTxn: boolean;
  /** A crash of the holder on the same host frees its leases before the TTL. */
  readonly seesCrashes: boolean;
}

/**
 * One open store. All calls reject with a DcsError: STORE_UNREACHABLE and its kin (exit 5) when no answer comes within
 * the timeout the store was opened with, PERMISSION_DENIED, or the signal's reason when aborted.
 */
export interface Store extends AsyncDisposable {
  /** `embedded` | `etcd` | `consul`. */
  readonly kind: string;
  /** Where it is, for people and JSON, without secrets. */
  readonly url: string;
  readonly capabilities: StoreCapabilities;

  get(key: string, options?: CallOptions): Promise<KeyValue | null>;
  /** Keys that start with `prefix`: all of them, sorted by key, unless the options say otherwise. */
  list(prefix: string, options?: ListOptions): Promise<ListResult>;
  txn(request: TxnRequest, options?: CallOptions): Promise<TxnResult>;
  /**
   * Changes of keys that start with `prefix`, from revision `from` on (`list().revision + 1`), until the signal aborts;
   * then the iteration ends without an error.
   */
  watch(prefix: string, from: Revision, signal: AbortSignal): AsyncIterable<WatchBatch>;

  grant(request: GrantRequest, options?: CallOptions): Promise<Lease>;
  /** Gives the lease its full TTL again. LEASE_NOT_FOUND when it is gone. */
  keepAlive(id: LeaseId, options?: CallOptions): Promise<Lease>;
  /** Ends the lease and deletes its keys. False when it was gone already. */
  revoke(id: LeaseId, options?: CallOptions): Promise<boolean>;
  /** Replaces who is said to hold the lease. LEASE_NOT_FOUND when it is gone. */
  setHolder(id: LeaseId, holder: Holder, options?: CallOptions): Promise<void>;
  leases(options?: CallOptions): Promise<readonly LeaseInfo[]>;
  /** Null when the lease is gone. */
  lease(id: LeaseId, options?: CallOptions): Promise<LeaseInfo | null>;

  close(): Promise<void>;
}
