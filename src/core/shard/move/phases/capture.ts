import type { Move } from "../move.ts";

/**
 * P2b: from here on every write at the source is logged; the lock waits for all that were not. Precondition: this runner's token on
 * the source, `owned`. Resumed by P2.
 */
export async function capture(move: Move): Promise<"copy"> {
  if (move.src.seen.state !== "moving")
    await move.change(move.src, { state: "moving", epoch: move.record.epoch });
  await move.point("capture:done");
  return "copy";
}
