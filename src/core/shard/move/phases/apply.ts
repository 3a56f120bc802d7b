import type { Move } from "../move.ts";
import { applyRound } from "../plane.ts";

/** So few changed rows are brought under the lock of the cut without a thought. */
const FEW = 50;
/** Rounds that bring more than may be left for the cut, one after the other: writers are as fast as we are, so it is tried all the same. */
const ROUNDS = 50;

/**
 * P4: brings what the log says was changed, until so little is left that it can be brought under the lock of the cut. Precondition: the
 * copy is complete. Resumed by itself.
 */
export async function apply(move: Move): Promise<"verify" | "cut" | "window"> {
  const { maxPauseMs } = move.deps.options;
  for (let round = 0; ; ) {
    move.mayStop();
    const { ids, more } = await applyRound(move);
    await move.point("apply:round");
    if (more) continue;
    if (ids > FEW && move.pace.roundMs > maxPauseMs / 4 && ++round < ROUNDS) continue;
    if (move.record.isReverse && !move.deps.undo) return "window";
    return move.isVerified ? "cut" : "verify";
  }
}
