import { crc32 } from "node:zlib";
import { fill } from "../../mysql/sql-text.ts";
import { type BucketOwner, bucketOf, type Keyspace, type Shard, type ShardMap } from "../keyspace.ts";
import type { MoveState } from "../map/shard-state.ts";
import type { ShardServers } from "../operate/shard-servers.ts";
import type { ShardKey } from "./shard-router.ts";
import { SQL } from "./statements.generated.ts";

/** Where a key is, and how one comes to that. */
export interface LocatedKey extends BucketOwner {
  /** Of the key as text; eight hex digits. */
  readonly crc: string;
  readonly bucket: number;
  /** Of the map. */
  readonly revision: number;
  /** Its bucket's move under way. */
  readonly move: { readonly src: string; readonly dst: string; readonly intent: string } | null;
}

/** A bucket's row on a server. */
export interface BucketRow {
  readonly shard: string;
  /** Null where the server has no row of it. */
  readonly row: { readonly state: string; readonly epoch: number; readonly token: number } | null;
}

export function locateKey(
  key: ShardKey,
  keyspace: Keyspace,
  { owners, revision }: ShardMap,
  moves: readonly MoveState[],
): LocatedKey {
  const bucket = bucketOf(key, keyspace.buckets);
  const owner = owners[bucket];
  if (owner === undefined) throw new Error(`the map has no bucket ${bucket}`);
  const move = moves.find(({ record }) => record.bucket === bucket)?.record;
  const crc = crc32(typeof key === "object" ? key : String(key));
  return {
    crc: crc.toString(16).padStart(8, "0"),
    bucket,
    ...owner,
    revision,
    move: move === undefined ? null : { src: move.src, dst: move.dst, intent: move.intent },
  };
}

/** What servers say of a bucket. Rejects with SHARD_UNREACHABLE and its kin. */
export function readBucketRows(
  servers: ShardServers,
  shards: readonly Shard[],
  bucket: number,
): Promise<readonly BucketRow[]> {
  return Promise.all(
    shards.map(async (shard) => {
      const [[row] = []] = await servers
        .get(shard)
        .use((session) => session.send([fill(SQL.look, { bucket })]));
      if (row === undefined) return { shard: shard.name, row: null };
      const { state, epoch, token } = row;
      return { shard: shard.name, row: { state: String(state), epoch: Number(epoch), token: Number(token) } };
    }),
  );
}
