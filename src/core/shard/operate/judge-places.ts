import type { BucketOwner } from "../keyspace.ts";
import type { MoveRecord } from "../move/move-record.ts";
import type { BucketState } from "../names.ts";

/** What a row of `dcs_bucket` says. */
export interface SeenBucket {
  readonly state: BucketState;
  readonly epoch: number;
}

/** One server as it was looked at. */
export interface SeenServer {
  readonly shard: string;
  readonly buckets: ReadonlyMap<number, SeenBucket>;
  /** Rows by table and bucket. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

export const PLACE_FAULTS = ["misplaced", "open twice", "closed", "epoch", "leftover"] as const;

/**
 * A bucket or rows where they must not be.
 * `misplaced`: rows of a bucket on a shard that does not own it. `open twice`: a shard takes writes to a bucket that is another's.
 * `closed`: nobody takes writes to it, and no move is under way that would open it. `epoch`: its owner has it by another epoch than the
 * map's. `leftover`: the state of a move that is not there any more.
 */
export interface PlaceFault {
  readonly fault: (typeof PLACE_FAULTS)[number];
  readonly shard: string;
  readonly bucket: number;
  /** Of misplaced rows. */
  readonly table: string | null;
  readonly rows: number;
  /** For people, one line. */
  readonly message: string;
}

const NOT_THERE: SeenBucket = { state: "gone", epoch: 0 };

/** What does not go together of the map, the moves under way and the servers, if all of it was seen at one moment. */
export function judgePlaces(
  owners: readonly BucketOwner[],
  moves: readonly MoveRecord[],
  servers: readonly SeenServer[],
): readonly PlaceFault[] {
  const byBucket = new Map(moves.map((record) => [record.bucket, record]));
  return servers.flatMap((server) =>
    owners.flatMap((owner, bucket) => {
      const move = byBucket.get(bucket) ?? null;
      const takesPart = move !== null && (move.src === server.shard || move.dst === server.shard);
      const state = judgeState(server, bucket, owner, takesPart ? move : null);
      const isAtHome = owner.shard === server.shard || takesPart;
      return [...(state === null ? [] : [state]), ...(isAtHome ? [] : misplaced(server, bucket, owner))];
    }),
  );
}

function judgeState(
  { shard, buckets }: SeenServer,
  bucket: number,
  owner: BucketOwner,
  move: MoveRecord | null,
): PlaceFault | null {
  const seen = buckets.get(bucket) ?? NOT_THERE;
  const isOpen = seen.state === "owned" || seen.state === "moving";
  const isOwner = owner.shard === shard;
  const fault = (kind: PlaceFault["fault"], message: string): PlaceFault => ({
    ...{ fault: kind, shard, bucket, table: null, rows: 0 },
    message: `bucket ${bucket} on ${shard}: ${message}`,
  });
  if (isOpen && !isOwner) {
    return fault("open twice", `it is ${seen.state} here, and the map says that ${owner.shard} owns it`);
  }
  if (move !== null) return null;
  if (!isOwner) {
    if (seen.state === "gone") return null;
    return fault("leftover", `it is ${seen.state} here, and no move is under way`);
  }
  if (!isOpen) {
    const said = buckets.has(bucket) ? `it is ${seen.state}` : "it is not known";
    return fault("closed", `${said} on its owner, no move is under way, and every write to it is refused`);
  }
  if (seen.epoch !== owner.epoch) {
    return fault("epoch", `its epoch is ${seen.epoch} here and ${owner.epoch} in the map`);
  }
  if (seen.state === "moving") return fault("leftover", "its writes are logged for a move that is not there");
  return null;
}

function misplaced(
  { shard, rows }: SeenServer,
  bucket: number,
  { shard: owner }: BucketOwner,
): readonly PlaceFault[] {
  return [...rows].flatMap(([table, byBucket]) => {
    const count = byBucket.get(bucket) ?? 0;
    if (count === 0) return [];
    const what = count === 1 ? "1 row" : `${count} rows`;
    const message = `bucket ${bucket} on ${shard}: ${what} of table ${table}, and the bucket is ${owner}'s`;
    return [{ fault: "misplaced" as const, shard, bucket, table, rows: count, message }];
  });
}
