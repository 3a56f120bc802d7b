import type { BucketOwner, Shard } from "../keyspace.ts";

export interface BucketSize {
  readonly rows: number;
  readonly bytes: number;
}

export interface PlanInput {
  /** For errors. */
  readonly keyspace: string;
  readonly shards: readonly Shard[];
  /** By bucket. */
  readonly owners: readonly BucketOwner[];
  readonly by: "count" | "bytes";
  /** By bucket; by bytes they must be given, by count they only say what the moves weigh. */
  readonly sizes?: readonly BucketSize[];
  /** Bytes that a shard can still take; one that is not here takes all. What moves away in the same plan frees nothing. */
  readonly free?: ReadonlyMap<string, number>;
  /** By bytes: the most used shard may be above the mean by so much of it (0.05) before anything is moved. */
  readonly tolerance?: number;
  readonly maxMoves?: number;
}

export interface PlannedMove extends BucketSize {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
}

export interface ShardLoad extends BucketSize {
  readonly shard: string;
  readonly buckets: number;
  /** Of all buckets, or of all bytes, by what is planned. */
  readonly share: number;
}

export interface MovePlan {
  /** In the order in which they are to be made; each bucket once. */
  readonly moves: readonly PlannedMove[];
  /** By shard, in the keyspace's order. */
  readonly before: readonly ShardLoad[];
  readonly after: readonly ShardLoad[];
  /** Nothing is to be moved, and nothing that should be lacks room. */
  readonly isBalanced: boolean;
  /** False where another plan would go on once this one is done: `maxMoves`, or a bucket that would have to move twice. */
  readonly isComplete: boolean;
  /** Shards that would be given more if they had room. */
  readonly short: readonly string[];
}

/** Which buckets are to go where. Pure: the same input gives the same plan. */
export function planMoves(_input: PlanInput): MovePlan {
  throw new Error("not yet");
}
