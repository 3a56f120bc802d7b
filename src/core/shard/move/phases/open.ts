import type { Move } from "../move.ts";
import { refuseRow } from "../move-errors.ts";

/**
 * P9: the target is open. Precondition: the map says the target, the source is sealed or gone. Resumed by itself. A target that is
 * neither open nor as it was filled has lost what it was given: it is not opened, and the source keeps its rows.
 */
export async function open(move: Move): Promise<"retire"> {
  const { dst, record } = move;
  const epoch = record.epoch + 1;
  const isOpen = dst.seen.state === "owned" && dst.seen.epoch === epoch;
  if (!isOpen) {
    if (dst.seen.state !== "incoming" || dst.seen.epoch !== record.epoch) {
      throw refuseRow(move, dst, `the map gave it the bucket at epoch ${epoch}`);
    }
    await move.change(dst, { state: "owned", epoch }, (when) => [
      `DELETE FROM dcs_progress WHERE bucket = ${record.bucket} AND ${when}`,
    ]);
  }
  move.run.isClosed = false;
  if (!isOpen) move.report.opened();
  await move.point("open:done");
  return "retire";
}
