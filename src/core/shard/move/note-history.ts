import { hostname, userInfo } from "node:os";
import type { Move } from "./move.ts";

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
      differences: [...differences],
      error: null,
    },
  });
}

function whoAmI(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // No name for this uid, as in many containers.
    return `${process.getuid?.() ?? "unknown"}@${hostname()}`;
  }
}
