import type { RouterAck } from "../map/router-ack.ts";
import type { MoveState, ShardStore } from "../map/shard-store.ts";
import { isFlipped } from "./turn-plan.ts";

/** Who has which buckets, and what is on its way. */
export interface KeyspaceStatus {
  readonly keyspace: string;
  readonly mapRevision: number;
  readonly shards: readonly { readonly shard: string; readonly buckets: number }[];
  readonly moves: readonly MoveState[];
  /** Buckets on their way whose new owner is in the map already: their moves can only be finished. */
  readonly flipped: readonly number[];
  readonly routers: readonly RouterAck[];
}

/** How a keyspace stands: only the store is asked, no server of a shard. SHARD_KEYSPACE_UNKNOWN. */
export async function moveStatus(shards: ShardStore): Promise<KeyspaceStatus> {
  const state = await shards.keyspace();
  const [map, moves, routers] = await Promise.all([shards.map(), shards.moves(), shards.acks()]);
  return {
    keyspace: state.keyspace.name,
    mapRevision: map.revision,
    shards: state.shards.map(({ name }) => ({
      shard: name,
      buckets: map.owners.filter(({ shard }) => shard === name).length,
    })),
    moves,
    flipped: moves.filter((move) => isFlipped(move, map.owners)).map(({ record }) => record.bucket),
    routers,
  };
}
