import type { Move } from "../move.ts";
import { verifyRows } from "../plane.ts";

/**
 * P5: both sides are compared. Precondition: a small backlog. Resumed by P4, and then all of it: a comparison that goes on in the
 * middle would not see what a failover of the target lost before.
 */
export async function verify(move: Move): Promise<"cut"> {
  await verifyRows(move);
  move.isVerified = true;
  await move.point("verify:done");
  return "cut";
}
