import { DcsError } from "../../../src/core/errors.ts";
import type { BucketOwner, Keyspace, Shard } from "../../../src/core/shard/keyspace.ts";
import type { RunnerRef, ShardStore } from "../../../src/core/shard/map/shard-store.ts";
import type { Store, TxnRequest } from "../../../src/core/store/store.ts";
import { newLeaseId, randomHex } from "../../../src/core/util/ids.ts";
import type { StoreHarness } from "../store/store-harness.ts";

/** What each test of the suite has: two connections to the same data with a keyspace `shop`, and a signal that is aborted when it ends. */
export interface ShardWorld {
  readonly harness: StoreHarness;
  readonly store: Store;
  readonly other: Store;
  readonly shards: ShardStore;
  readonly others: ShardStore;
  readonly stop: AbortController;
}

export const BUCKETS = 16;

export function keyspace(over: Partial<Keyspace> = {}): Keyspace {
  const tables = [{ name: "orders", key: "tenant", primaryKey: ["tenant", "id"] }];
  return { name: "shop", buckets: BUCKETS, hash: "crc32", tables, ...over };
}

export function shard(name: string, over: Partial<Shard> = {}): Shard {
  return { name, url: `mysql://dcs@${name}/shop`, weight: 1, zone: null, state: "active", ...over };
}

/** The first half at a, the second at b. */
export function owners(buckets = BUCKETS): readonly BucketOwner[] {
  return Array.from({ length: buckets }, (_, i) => ({ shard: i < buckets / 2 ? "a" : "b", epoch: 1 }));
}

/** A runner with an id and, unless given, a lease of its own. */
export async function runner(store: Store, lease?: string): Promise<RunnerRef> {
  const holder = { host: "elsewhere", pid: 4711, command: "contract" };
  const id = lease ?? (await store.grant({ id: newLeaseId(), ttlMs: 60_000, holder })).id;
  return { id: randomHex(8), lease: id, host: "elsewhere", pid: 4711 };
}

/** Of bucket n, from a to c unless it is said otherwise. */
export function want(bucket: number, over: { readonly src?: string; readonly dst?: string } = {}) {
  return { bucket, src: "a", dst: "c", plan: "p1", ...over };
}

/** The next change is made, or not, and its answer is lost; the request can be sent again. */
export function loseAnswer(store: Store, isMade: boolean): { readonly deliver: () => Promise<boolean> } {
  const txn = store.txn.bind(store);
  let lost: TxnRequest | null = null;
  store.txn = async (request, options) => {
    if (lost !== null || request.ops.length === 0) return await txn(request, options);
    lost = request;
    if (isMade) await txn(request, options);
    throw new DcsError("STORE_UNREACHABLE", "no answer", { details: { outcome: "unknown" } });
  };
  return {
    deliver: async () => {
      if (lost === null) throw new Error("nothing was lost");
      return (await txn(lost)).succeeded;
    },
  };
}

/** Something that happens between a look and the change that was decided on it: once, before the next transaction. */
export function beforeNext(store: Store, act: () => Promise<unknown>): void {
  const txn = store.txn.bind(store);
  store.txn = async (request, options) => {
    store.txn = txn;
    await act();
    return await txn(request, options);
  };
}
