import { DCS_PREFIX } from "../store/keys.ts";

/** Tables of dcs in a shard's database. One row a bucket; the keyspace's copy; what moving buckets had changed. */
export const BUCKET_TABLE = "dcs_bucket";
export const META_TABLE = "dcs_keyspace";
export const LOG_TABLE = "dcs_log";
/** At a target: how far the copy of each bucket is. */
export const PROGRESS_TABLE = "dcs_progress";
/** The generated column of each sharded table that holds its row's bucket. */
export const BUCKET_COLUMN = "dcs_bucket";
/** By which a mover's session tells the triggers which bucket it writes. */
export const MOVER_VARIABLE = "@dcs_bucket";
/** By which one trigger tells the next one of the same row which bucket it found at rest. */
export const OPEN_VARIABLE = "@dcs_open";
/** Of the SIGNAL that refuses a write to a bucket that is not here (SQLSTATE 45000). */
export const MOVED_ERRNO = 31001;
/** Of the SIGNAL that refuses a mover's write to a bucket that is not the one it said it writes. */
export const MOVER_ERRNO = 31002;
/** Of the SIGNAL that refuses NULL for a column of a primary key. */
export const PRIMARY_NULL_ERRNO = 31003;

/** States of a bucket's row on one server. Writable are `owned` and `moving`. */
export const BUCKET_STATES = ["owned", "moving", "sealed", "gone", "incoming"] as const;
export type BucketState = (typeof BUCKET_STATES)[number];

/** Each keyspace and its shards: `<name>`. Apart from the rest, so that the keyspaces there are can be listed. */
export const KEYSPACES_PREFIX = `${DCS_PREFIX}shard-keyspaces/`;

/** Where the parts of a keyspace stand in the store. */
export function shardKeys(keyspace: string) {
  const base = `${DCS_PREFIX}shard/${keyspace}/`;
  const moves = `${base}moves/`;
  const ofMove = (bucket: number) => `${moves}${String(bucket).padStart(5, "0")}/`;
  return {
    /** Everything but the keyspace itself. */
    base,
    /** The keyspace and its shards. */
    keyspace: KEYSPACES_PREFIX + keyspace,
    map: `${base}map`,
    /** All that is below stands here as `<bucket>/<part>`, five digits: no key here, no move. */
    moves,
    /** The parts of one move, which are read together. */
    ofMove,
    record: (bucket: number) => `${ofMove(bucket)}record`,
    /** Who runs a move, on the runner's lease; the key's revision is the runner's token. */
    runner: (bucket: number) => `${ofMove(bucket)}runner`,
    /** Where a move stands, for people, on the runner's lease. Nothing is decided by it. */
    phase: (bucket: number) => `${ofMove(bucket)}phase`,
    /** The revision of the map that each router has, and has no older transaction than, each on its lease: `<lease id>`. */
    acks: `${base}acks/`,
    /** What was done: `<time>-<id>`. */
    history: `${base}history/`,
  };
}

export type ShardKeys = ReturnType<typeof shardKeys>;
