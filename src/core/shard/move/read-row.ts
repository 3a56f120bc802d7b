import { MoveLost } from "../map/move-lost.ts";
import type { Move } from "./move.ts";
import type { Side } from "./side.ts";

/** Reads a side's row into `seen`. Rejects with MoveLost for a greater token: whoever has it superseded this runner. */
export async function readRow(move: Move, side: Side): Promise<void> {
  const { bucket } = move.record;
  const row = await side.rows.read(bucket);
  if (row.token > move.token) {
    throw new MoveLost(bucket, `shard ${side.shard.name} has the token of a later runner`);
  }
  side.seen = row;
}
