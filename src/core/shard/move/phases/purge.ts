import type { Move } from "../move.ts";
import { emptyTarget } from "../plane.ts";
import { awaitRouters } from "../routers.ts";

/**
 * P2: nothing of the bucket is at the target. Precondition: the source has this runner's token, or an older one could still seal and
 * hand over an empty target; every router knows that the target does not have it. Resumed by itself.
 */
export async function purge(move: Move): Promise<"capture"> {
  await awaitRouters(move);
  await move.point("purge:acked");
  await emptyTarget(move);
  await move.point("purge:done");
  return "capture";
}
