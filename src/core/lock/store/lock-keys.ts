import { LOCK_ASK_PREFIX, LOCK_RECORD_PREFIX } from "../../store/keys.ts";
import type { KeyValue, LeaseId } from "../../store/store.ts";

/**
 * The keys of a lock in the store: the queue of etcd's concurrency package, `<name>/<lease id>`, ordered by create
 * revision; the first holds. What dcs knows of each place stands beside it on the same lease.
 */

export function queuePrefix(name: string): string {
  return `${name}/`;
}

export function queueKey(name: string, lease: LeaseId): string {
  return `${name}/${lease}`;
}

export function recordKey(name: string, lease: LeaseId): string {
  return `${LOCK_RECORD_PREFIX}${name}/${lease}`;
}

/** Where a request to the holder stands. */
export function askKey(name: string, lease: LeaseId): string {
  return `${LOCK_ASK_PREFIX}${name}/${lease}`;
}

/** Everything that stands on the lease of one place. */
export function keysOf(name: string, lease: LeaseId): readonly string[] {
  return [queueKey(name, lease), recordKey(name, lease), askKey(name, lease)];
}

/** Lock name and lease of a queue key or the rest of a record key; null for a key that is neither. */
export function parseQueueKey(key: string): { readonly name: string; readonly lease: LeaseId } | null {
  const slash = key.lastIndexOf("/");
  const lease = key.slice(slash + 1);
  if (slash <= 0 || !/^[0-9a-f]{1,16}$/.test(lease)) return null;
  return { name: key.slice(0, slash), lease };
}

/** True for a place of exactly this lock: `a` and not `a/b`. */
export function isPlaceOf(name: string, kv: KeyValue): boolean {
  return kv.lease !== null && parseQueueKey(kv.key)?.name === name;
}

/** The places of exactly this lock, first come first. */
export function placesOf(name: string, kvs: readonly KeyValue[]): readonly KeyValue[] {
  return kvs
    .filter((kv) => isPlaceOf(name, kv))
    .sort((a, b) => a.createRevision - b.createRevision || (a.key < b.key ? -1 : 1));
}
