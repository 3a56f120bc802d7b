import type { Move } from "../move.ts";
import { noteHistory } from "../note-history.ts";

/**
 * P13: there is no move any more. Precondition: nothing of the bucket is where it does not belong; both sides' candidates have all of
 * it, because nobody would know of a bucket that a failover closed. Resumed by P12.
 */
export async function end(move: Move): Promise<"done"> {
  await move.candidates(move.src);
  await move.candidates(move.dst);
  await noteHistory(move);
  await move.point("end:noted");
  await move.deps.shards.end(move.held);
  await move.point("end:done");
  return "done";
}
