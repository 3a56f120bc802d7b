import { DcsError } from "../../errors.ts";
import type { Store } from "../../store/store.ts";
import { backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { BucketOwner, ShardMap } from "../keyspace.ts";
import { KEYSPACES_PREFIX, type ShardKeys } from "../names.ts";
import { decodeOwners, encodeOwners, mapSchema } from "./map-text.ts";
import { fromStored, invalidStored, toStored } from "./stored.ts";

/** What the parts of a shard store share. */
export interface ShardParts {
  readonly store: Store;
  readonly name: string;
  readonly keys: ShardKeys;
  readonly clock: Clock;
}

/** Others move other buckets of the same map all the while: each time one of them gets through. */
const TRIES = 200;
const PAUSE = { initialMs: 2, factor: 1.5, maxMs: 50 };

/** The map as it is now. SHARD_KEYSPACE_UNKNOWN. */
export async function readMap(parts: ShardParts): Promise<ShardMap> {
  const kv = await parts.store.get(parts.keys.map);
  if (kv === null) throw await keyspaceUnknown(parts.store, parts.name);
  return { keyspace: parts.name, revision: kv.modRevision, owners: ownersOf(kv) };
}

export function ownersOf(kv: Parameters<typeof fromStored>[0]): readonly BucketOwner[] {
  const value = fromStored(kv, mapSchema);
  try {
    return decodeOwners(value);
  } catch (cause) {
    throw invalidStored(kv.key, (cause as Error).message, cause);
  }
}

export function storedMap(owners: readonly BucketOwner[]): string {
  return toStored(encodeOwners(owners));
}

/** Waits a moment before the next try. STORE_CONFLICT when there were too many. */
export async function again({ clock, name }: ShardParts, tried: number): Promise<void> {
  if (tried >= TRIES) {
    throw new DcsError(
      "STORE_CONFLICT",
      `keyspace ${name} changed ${tried} times while it was to be changed here; nothing was done`,
      { details: { keyspace: name } },
    );
  }
  await sleep(clock, backoffDelay(PAUSE, tried));
}

/** Names of the keyspaces there are, sorted. */
export async function keyspacesOf(store: Store): Promise<readonly string[]> {
  const { kvs } = await store.list(KEYSPACES_PREFIX);
  return kvs.map(({ key }) => key.slice(KEYSPACES_PREFIX.length));
}

export async function keyspaceUnknown(store: Store, name: string): Promise<DcsError> {
  const known = await keyspacesOf(store);
  const there = known.length === 0 ? "there is none yet" : `there is ${known.join(", ")}`;
  return new DcsError("SHARD_KEYSPACE_UNKNOWN", `no keyspace ${name} in ${store.url}: ${there}`, {
    details: { keyspace: name, known },
  });
}
