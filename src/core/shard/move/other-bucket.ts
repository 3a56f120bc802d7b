import { DcsError } from "../../errors.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import type { MoveState, ShardStore } from "../map/shard-store.ts";
import { MOVER_ERRNO } from "../names.ts";
import type { MoveRecord } from "./move-record.ts";

type Place = Pick<MoveRecord, "bucket" | "src" | "dst">;

/**
 * The bucket whose row at the target has a primary key or unique value that a row of the moving bucket has; null where something else
 * failed. The trigger says so of the row that a REPLACE would delete.
 */
export function otherBucketOf(reason: unknown): number | null {
  if (!isMysqlError(reason) || reason.errno !== MOVER_ERRNO) return null;
  const row = /DCS_MOVER bucket=\d+ row=(\d+)/.exec(reason.message)?.[1];
  return row === undefined ? null : Number(row);
}

/**
 * What a move waits for whose row meets an old one of another bucket: that bucket is brought to the same target as well, or is on its way
 * from there, so its own move deletes the row. Null where no move does that, or none that anybody runs. Rejects with the store's errors.
 */
export async function otherToWaitFor(
  reason: unknown,
  { dst }: Place,
  shards: Pick<ShardStore, "move">,
): Promise<string | null> {
  const other = otherBucketOf(reason);
  const move: MoveState | null = other === null ? null : await shards.move(other);
  if (move === null || move.runner === null) return null;
  if (move.record.dst !== dst && move.record.src !== dst) return null;
  return `bucket ${other}, whose old row has the same key, to be moved or cleaned`;
}

/** Of a row that no move takes away. */
export function keyTaken(reason: unknown, { bucket, src, dst }: Place): DcsError | null {
  const other = otherBucketOf(reason);
  if (other === null) return null;
  return new DcsError(
    "SHARD_MOVE_STUCK",
    `bucket ${bucket} cannot go on from ${src} to ${dst}: one of its rows has the primary key or unique value of a row of bucket ${other} on ${dst}, which no running move takes away`,
    {
      cause: reason,
      details: { bucket, src, dst, other },
      hint: `when \`dcs shard status\` has a move of bucket ${other}: \`dcs shard resume\`; otherwise see which rows are where they should not be: \`dcs shard verify\``,
    },
  );
}
