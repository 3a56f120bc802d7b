import { sleep } from "../../../util/clock.ts";
import type { Move } from "../move.ts";
import { copyRows } from "../plane.ts";
import { readPrepared } from "../side.ts";

/** Between two looks, ms. */
const LOOK_MS = 100;

/**
 * P3: chunk by chunk, each read at the source and written with its cursor at the target. Precondition: the source logs. Resumed at the
 * cursor.
 */
export async function copy(move: Move): Promise<"apply"> {
  await awaitPrepared(move);
  await copyRows(move);
  await move.point("copy:done");
  return "apply";
}

/** The lock of the capture has waited for every writer but these: what they wrote before it is not in the log. */
async function awaitPrepared(move: Move): Promise<void> {
  const { src, deps, report } = move;
  for (let left = await readPrepared(src); left.size > 0; ) {
    move.mayStop();
    report.waits({ what: "writers", for: `${left.size} prepared XA transactions on ${src.shard.name}` });
    await sleep(deps.clock, LOOK_MS, deps.signal).catch(() => move.mayStop());
    const now = await readPrepared(src);
    left = new Set([...left].filter((each) => now.has(each)));
  }
  report.waits(null);
}
