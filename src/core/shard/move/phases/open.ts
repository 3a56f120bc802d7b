import type { Move } from "../move.ts";

/**
 * P9: the target is open. Precondition: the map says the target, the source is sealed or gone. Resumed by itself.
 */
export async function open(move: Move): Promise<"retire"> {
  const { dst, record } = move;
  const epoch = record.epoch + 1;
  const isOpen = dst.seen.state === "owned" && dst.seen.epoch === epoch;
  if (!isOpen) {
    await move.change(dst, { state: "owned", epoch }, (when) => [
      `DELETE FROM dcs_progress WHERE bucket = ${record.bucket} AND ${when}`,
    ]);
  }
  move.run.isClosed = false;
  if (!isOpen) move.report.opened();
  await move.point("open:done");
  return "retire";
}
