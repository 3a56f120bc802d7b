import type { Move } from "../move.ts";
import { wishesOf } from "../wishes.ts";

/**
 * P8, the point of no return: one transaction of the store. Precondition: the source is sealed, by this runner or found so by R4, and
 * its candidates have the seal. Resumed by R1–R4: where the map still says the source, by itself. An answer that was lost is none.
 */
export async function flip(move: Move): Promise<"open" | "arm"> {
  const { shards } = move.deps;
  const turnRound = wishesOf(move.record.plan).windowMs !== null && !move.record.isReverse;
  const { held } = await shards.flip(move.held, { turnRound });
  await move.point("flip:done");
  move.held = held;
  if (!turnRound) return "open";
  // It is an ordinary move back from here on, and begins as every other.
  move.turnRound();
  return "arm";
}
