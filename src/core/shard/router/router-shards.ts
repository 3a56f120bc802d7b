import type { LeaseId } from "../../store/store.ts";
import type { Keyspace, Shard, ShardMap } from "../keyspace.ts";

/** What a router needs of the store's part of a keyspace; ShardStore is it. */
export interface RouterShards {
  keyspace(): Promise<{ readonly keyspace: Keyspace; readonly shards: readonly Shard[] }>;
  map(): Promise<ShardMap>;
  /** First the present one, then each newer. */
  watchMap(signal: AbortSignal): AsyncIterable<ShardMap>;
  ack(
    lease: LeaseId,
    ack: { readonly revision: number; readonly host: string; readonly pid: number; readonly at: number },
  ): Promise<void>;
}
