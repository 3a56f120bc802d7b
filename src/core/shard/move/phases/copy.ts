import type { Move } from "../move.ts";
import { copyRows } from "../plane.ts";

/**
 * P3: chunk by chunk, each read at the source and written with its cursor at the target. Precondition: the source logs. Resumed at the
 * cursor.
 */
export async function copy(move: Move): Promise<"apply"> {
  await copyRows(move);
  await move.point("copy:done");
  return "apply";
}
