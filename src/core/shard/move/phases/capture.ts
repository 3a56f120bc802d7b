import { sleep } from "../../../util/clock.ts";
import type { Move } from "../move.ts";
import { leftPrepared } from "../side.ts";

/** Between two looks, ms. */
const LOOK_MS = 250;

/**
 * P2b: from here on every write at the source is logged; the lock waits for all that were not. Precondition: this runner's token on
 * the source, `owned`. Resumed by P2.
 */
export async function capture(move: Move): Promise<"copy"> {
  if (move.src.seen.state !== "moving") {
    await awaitPrepared(move);
    await move.change(move.src, { state: "moving", epoch: move.record.epoch });
  }
  await move.point("capture:done");
  return "copy";
}

/** The lock waits for every writer but those that a restart of the server took it from. */
async function awaitPrepared(move: Move): Promise<void> {
  const { src, deps, report } = move;
  for (;;) {
    const left = await leftPrepared(src);
    if (left === 0) break;
    move.mayStop();
    report.waits({ what: "writers", for: `${left} prepared XA transactions on ${src.shard.name}` });
    await sleep(deps.clock, LOOK_MS, deps.signal).catch(() => move.mayStop());
  }
  report.waits(null);
}
