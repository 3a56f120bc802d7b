import { DcsError } from "../../errors.ts";
import type { BucketOwner, Shard } from "../keyspace.ts";
import { planByBytes } from "./plan-by-bytes.ts";
import { planByCount } from "./plan-by-count.ts";
import type { ShardSpace } from "./planner-space.ts";

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
  /** By bytes: the most loaded shard may be above the mean by so much of it (0.05) before anything is moved. */
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
  /** False where another plan may go on once this one is done: `maxMoves`, no room, or a bucket that would have to move twice. */
  readonly isComplete: boolean;
  /** Shards that would be given more if they had room. */
  readonly short: readonly string[];
}

const TOLERANCE = 0.05;

/**
 * Which buckets are to go where, so that each shard has its share by weight, and draining ones nothing. Pure: the same input gives the
 * same plan, and the plan of what a complete one leads to is empty. By count it has the fewest moves there can be; by bytes no
 * step of it is worse than the start. SHARD_NO_TARGET where all shards are draining.
 */
export function planMoves(input: PlanInput): MovePlan {
  const { by, sizes, maxMoves = Infinity } = input;
  if (by === "bytes" && sizes === undefined)
    throw new Error("a plan by bytes needs the sizes of the buckets");
  const space = spaceOf(input);
  const proposal = by === "count" ? planByCount(space) : planByBytes(space);
  const chosen = proposal.moves.slice(0, maxMoves);
  const nameOf = (shard: number) => space.shards[shard] ?? "";
  const moves = chosen.map(({ bucket, src, dst }) => ({
    bucket,
    src: nameOf(src),
    dst: nameOf(dst),
    rows: sizes?.[bucket]?.rows ?? 0,
    bytes: sizes?.[bucket]?.bytes ?? 0,
  }));
  const owners = input.owners.map(({ shard }) => shard);
  const before = loadsOf(input, owners);
  for (const { bucket, dst } of moves) owners[bucket] = dst;
  return {
    moves,
    before,
    after: loadsOf(input, owners),
    isBalanced: proposal.moves.length === 0 && proposal.short.length === 0,
    isComplete: proposal.isComplete && chosen.length === proposal.moves.length,
    short: proposal.short.map(nameOf).sort(),
  };
}

function spaceOf({ keyspace, shards, owners, sizes, free, tolerance = TOLERANCE }: PlanInput): ShardSpace {
  const buckets: number[][] = shards.map(() => []);
  const places = new Map(shards.map(({ name }, i) => [name, i]));
  for (const [bucket, { shard }] of owners.entries()) {
    const place = places.get(shard);
    if (place === undefined) {
      throw new DcsError(
        "SHARD_STORE_INVALID",
        `keyspace ${keyspace}: bucket ${bucket} is at ${shard}, which is no shard`,
        {
          details: { keyspace, bucket, shard },
        },
      );
    }
    buckets[place]?.push(bucket);
  }
  const weights = shards.map(({ state, weight }) => (state === "active" ? weight : 0));
  if (!weights.some((weight) => weight > 0)) {
    throw new DcsError(
      "SHARD_NO_TARGET",
      `keyspace ${keyspace}: all of its ${shards.length} shards are draining`,
      {
        details: { keyspace },
      },
    );
  }
  return {
    shards: shards.map(({ name }) => name),
    weights,
    room: shards.map(({ name }) => free?.get(name) ?? Infinity),
    bytes: owners.map((_, bucket) => sizes?.[bucket]?.bytes ?? 0),
    bucketsOf: (shard) => [...(buckets[shard] ?? [])],
    tolerance,
  };
}

function loadsOf({ shards, by, sizes }: PlanInput, owners: readonly string[]): readonly ShardLoad[] {
  const loads = new Map(shards.map(({ name }) => [name, { buckets: 0, rows: 0, bytes: 0 }]));
  for (const [bucket, owner] of owners.entries()) {
    const load = loads.get(owner);
    if (load === undefined) continue;
    load.buckets++;
    load.rows += sizes?.[bucket]?.rows ?? 0;
    load.bytes += sizes?.[bucket]?.bytes ?? 0;
  }
  const measure = by === "count" ? "buckets" : "bytes";
  const total = [...loads.values()].reduce((sum, load) => sum + load[measure], 0);
  return [...loads].map(([shard, load]) => ({
    shard,
    ...load,
    share: total === 0 ? 0 : load[measure] / total,
  }));
}
