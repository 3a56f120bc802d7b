import type { Move } from "../move.ts";
import { applyRound } from "../plane.ts";

/** So many changed rows are brought while the lock of the cut is held, at most. */
const SMALL = 200;

/**
 * P4: brings what the log says was changed. Precondition: the copy is complete. Resumed by itself.
 */
export async function apply(move: Move): Promise<"verify" | "cut" | "window"> {
  for (;;) {
    move.mayStop();
    const { ids, more } = await applyRound(move);
    await move.point("apply:round");
    if (more || ids > SMALL) continue;
    if (move.record.isReverse && !move.deps.undo) return "window";
    return move.isVerified ? "cut" : "verify";
  }
}
