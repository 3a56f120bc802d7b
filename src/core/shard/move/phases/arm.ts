import { fill } from "../../../mysql/sql-text.ts";
import type { BucketState } from "../../names.ts";
import type { RowChange } from "../bucket-row.ts";
import type { Move } from "../move.ts";
import { refuseRow } from "../move-errors.ts";
import { readRow } from "../read-row.ts";

/**
 * R1, R2: reads the target's row and puts this runner's token on it. Precondition: a claim or a takeover, nothing else. Here every
 * run begins, the resumed ones too.
 */
export async function arm(move: Move): Promise<"take"> {
  const { dst, held } = move;
  await readRow(move, dst);
  if (held.isFlipped) move.run.isClosed = dst.seen.state === "incoming";
  await move.point("arm:read");
  const to = held.isFlipped ? { state: dst.seen.state, epoch: dst.seen.epoch } : armed(move);
  await move.change(dst, to, held.isFlipped ? undefined : progressFor(move, to.state));
  await move.point("arm:changed");
  return "take";
}

function armed(move: Move): { state: BucketState; epoch: number } {
  const { dst, record } = move;
  const { state } = dst.seen;
  if (state === "owned" || state === "moving") throw refuseRow(move, dst, "the map says that another has it");
  return { state: record.intent === "abort" ? "gone" : "incoming", epoch: record.epoch };
}

/** What of the progress rows is still true. */
function progressFor(move: Move, to: BucketState): RowChange["more"] {
  const { dst, src, record } = move;
  const { bucket, epoch } = record;
  const remove = `DELETE FROM dcs_progress WHERE bucket = ${bucket}`;
  if (to === "gone") return (when) => [`${remove} AND ${when}`];
  if (dst.seen.state !== "sealed" || dst.seen.epoch !== epoch) {
    return (when) => [`${remove} AND epoch <> ${epoch} AND ${when}`];
  }
  // A reverse window: what was sealed here is the copy.
  const header = { bucket, epoch, source: src.mark, target: dst.mark };
  return (when) => [
    `${remove} AND ${when}`,
    fill(
      `INSERT INTO dcs_progress (bucket, tbl, epoch, source, target, reached, is_complete, copied)
       SELECT :bucket, '', :epoch, :source, :target, NULL, TRUE, 0 FROM DUAL WHERE `,
      header,
    ) + when,
  ];
}
