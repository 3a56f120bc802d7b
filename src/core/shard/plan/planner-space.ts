/** What the planners plan on: shards and buckets as numbers. */
export interface ShardSpace {
  /** Names. */
  readonly shards: readonly string[];
  /** By shard; 0 where it is draining. */
  readonly weights: readonly number[];
  /** Bytes that a shard can take, by shard. */
  readonly room: readonly number[];
  /** By bucket. */
  readonly bytes: readonly number[];
  /** A shard's buckets, ascending; an array of the caller's own. */
  readonly bucketsOf: (shard: number) => number[];
  /** How far the most loaded one may be above the mean, as a part of it. */
  readonly tolerance: number;
}

export interface ProposedMove {
  readonly bucket: number;
  /** Shards, by place. */
  readonly src: number;
  readonly dst: number;
}

export interface Proposal {
  readonly moves: readonly ProposedMove[];
  /** Shards that would be given more if they had room. */
  readonly short: readonly number[];
  /** False where the same planner may find another move once these are made. */
  readonly isComplete: boolean;
}
