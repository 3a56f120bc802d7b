import type { RowChange } from "../bucket-row.ts";
import type { Move } from "../move.ts";
import { refuseRow } from "../move-errors.ts";
import { readRow } from "../read-row.ts";

type Next = "give back" | "purge" | "copy" | "apply" | "flip" | "open" | "clean";

/**
 * R3, R4: reads the source's row and puts this runner's token on it, before anything is deleted. Precondition: the target has the
 * token. The map, the intent and the two rows say which phase is next.
 */
export async function take(move: Move): Promise<Next> {
  const { src, held } = move;
  await readRow(move, src);
  await move.point("take:read");
  const { state, epoch } = src.seen;
  const isOpen = state === "owned" || state === "moving";
  move.run.isClosed = held.isFlipped ? move.dst.seen.state === "incoming" : !isOpen;
  if (held.isFlipped) return goOn(move);
  if (held.record.intent === "move") return decide(move);
  if (state === "sealed" && epoch > held.record.epoch) return "give back";
  return unseal(move);
}

/** R4 of an abort: the source is open again. */
export async function unseal(move: Move): Promise<"clean"> {
  const { src, record } = move;
  const { state } = src.seen;
  if (state === "gone" || (state === "incoming" && !isBeforeWindow(move))) {
    throw refuseRow(move, src, "the map says that it has it");
  }
  await move.change(src, { state: "owned", epoch: record.epoch }, noCopy(record.bucket));
  move.run.isClosed = false;
  if (record.isReverse) move.report.opened();
  await move.point("take:changed");
  return "clean";
}

/** After the flip there is one way only. */
async function goOn(move: Move): Promise<"open"> {
  const { src, held } = move;
  const { state, epoch } = src.seen;
  if ((state !== "sealed" && state !== "gone") || epoch !== held.record.epoch + 1) {
    throw refuseRow(move, src, `the map gave it to ${move.dst.shard.name}`);
  }
  await move.change(src, { state, epoch });
  await move.point("take:changed");
  return "open";
}

async function decide(move: Move): Promise<Next> {
  const { src, dst, record } = move;
  const { state, epoch } = src.seen;
  const here = { state, epoch };
  if (state === "sealed" && epoch === record.epoch + 1) {
    await move.change(src, here);
    await move.point("take:changed");
    await move.candidates(src);
    return "flip";
  }
  if (isBeforeWindow(move)) {
    await move.candidates(dst);
    await move.change(src, { state: "moving", epoch: record.epoch }, noCopy(record.bucket));
    move.run.isClosed = false;
    move.report.opened();
    await move.point("take:changed");
    return "apply";
  }
  if ((state !== "owned" && state !== "moving") || epoch !== record.epoch) {
    throw refuseRow(move, src, `the map says that it has it at epoch ${record.epoch}`);
  }
  const next = state === "moving" ? await whatIsCopied(move) : "purge";
  await move.change(src, here);
  await move.point("take:changed");
  return next;
}

/** A reverse window that is not open yet: the source was filled by the move that the flip has turned round. */
function isBeforeWindow({ src, record }: Move): boolean {
  return record.isReverse && src.seen.state === "incoming" && src.seen.epoch === record.epoch - 1;
}

/** Before a reverse window the source was the target, and had the progress of a copy. */
function noCopy(bucket: number): RowChange["more"] {
  return (when) => [`DELETE FROM dcs_progress WHERE bucket = ${bucket} AND ${when}`];
}

/** A copy that was begun between the same two servers is gone on with. */
async function whatIsCopied(move: Move): Promise<"purge" | "copy" | "apply"> {
  const { src, dst, record } = move;
  const [[header] = []] = await dst.rows.send([
    `SELECT epoch, source, target, is_complete AS done FROM dcs_progress WHERE bucket = ${record.bucket} AND tbl = ''`,
  ]);
  if (header === undefined || Number(header["epoch"]) !== record.epoch) return "purge";
  const isSame = header["source"] === src.mark && header["target"] === dst.mark;
  if (!isSame) return "purge";
  return Number(header["done"]) === 1 ? "apply" : "copy";
}
