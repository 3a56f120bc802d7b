import { hostname, userInfo } from "node:os";
import type { Move } from "./move.ts";

/** Rows that differed, as an entry of the history names them. */
const MOST_DIFFERENCES = 100;

/**
 * Writes what became of a move. A reverse window's record is the move back: closed, the bucket was moved; gone back, it was not. Its
 * id is that of the bucket's epoch, so that a move which ends twice, because its runner died in between, can be told.
 */
export async function noteHistory(move: Move): Promise<void> {
  const { record, held, deps, report } = move;
  const { bucket, plan, isReverse } = record;
  const [src, dst] = isReverse ? [record.dst, record.src] : [record.src, record.dst];
  const isThere = held.isFlipped !== isReverse;
  const { rows, bytes, durationMs, predictedPauseMs, pauseMs, checksums, differences } =
    report.result("moved");
  await deps.shards.addHistory({
    id: `${bucket}-${held.mapEpoch}`,
    at: deps.clock.now(),
    by: whoAmI(),
    ...{ plan, bucket, src, dst, outcome: isThere ? ("moved" as const) : ("aborted" as const) },
    ...{
      rows,
      bytes,
      durationMs,
      predictedPauseMs,
      pauseMs,
      checksums,
      differences: firstOf(differences),
      error: null,
    },
  });
}

/** A store takes values of some hundred kilobytes only, and without its history a move does not end. */
function firstOf(differences: readonly string[]): string[] {
  const more = differences.length - MOST_DIFFERENCES;
  return more <= 0 ? [...differences] : [...differences.slice(0, MOST_DIFFERENCES), `… and ${more} more`];
}

function whoAmI(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // No name for this uid, as in many containers.
    return `${process.getuid?.() ?? "unknown"}@${hostname()}`;
  }
}
