import type { Move } from "../move.ts";
import { emptyOther } from "../plane.ts";
import { awaitRouters } from "../routers.ts";

/**
 * P12 and A2: deletes the rows of the side that does not have the bucket, and what is left of the log. Precondition: every router
 * that lives knows who has it, and has no older transaction. Resumed by itself.
 */
export async function clean(move: Move): Promise<"end"> {
  await awaitRouters(move);
  await move.point("clean:acked");
  await emptyOther(move);
  await move.point("clean:done");
  return "end";
}
