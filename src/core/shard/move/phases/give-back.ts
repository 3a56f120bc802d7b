import type { Move } from "../move.ts";
import { unseal } from "./take.ts";

/**
 * A1: the map says that the source has the bucket at a later epoch than that of the seal. Precondition: an abort that found the
 * source sealed, and the map at the source. Only then may the source open: no row is ever open at an epoch that a flip still in
 * flight could give away. Resumed by R1–R4, which find the source sealed below the record's epoch.
 */
export async function giveBack(move: Move): Promise<"clean"> {
  move.held = await move.deps.shards.bump(move.held);
  await move.point("give back:mapped");
  return unseal(move);
}
