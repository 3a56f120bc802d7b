import type { Move } from "../move.ts";

/** P10: the source's row says what is so. Precondition: the target is open. Resumed by P9. */
export async function retire(move: Move): Promise<"clean"> {
  const { src } = move;
  if (src.seen.state !== "gone") await move.change(src, { state: "gone", epoch: src.seen.epoch });
  await move.point("retire:done");
  return "clean";
}
