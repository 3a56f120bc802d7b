import { sleep } from "../../../util/clock.ts";
import { MoveLost } from "../../map/move-lost.ts";
import type { Move } from "../move.ts";
import { applyRound } from "../plane.ts";
import { wishesOf } from "../wishes.ts";

/** Between two rounds where nothing was changed, ms. */
const ROUND_MS = 200;
/** Between two looks at the store: an operator may have taken the move over. */
const LOOK_MS = 1000;

/**
 * The reverse window: P4 again and again, until its time is over or the way back is too far behind. Then the move is taken over to be
 * aborted, which keeps what was moved where it is. Precondition: the new owner logs. Resumed by P4.
 */
export async function window(move: Move): Promise<"arm"> {
  const { clock, options, signal, shards } = move.deps;
  const { bucket, startedAt, plan } = move.record;
  const end = startedAt + (wishesOf(plan).windowMs ?? 0);
  let lookedAt = clock.monotonic();
  for (;;) {
    move.mayStop();
    const { ids, backlog } = await applyRound(move);
    await move.point("window:round");
    if (clock.now() >= end || backlog > options.windowBacklog) break;
    if (clock.monotonic() - lookedAt >= LOOK_MS) {
      const now = await shards.move(bucket);
      if (now?.runner?.token !== move.token) throw new MoveLost(bucket, "its window was taken over");
      lookedAt = clock.monotonic();
    }
    move.report.waits({ what: "window", for: `the end of the way back, ${new Date(end).toISOString()}` });
    if (ids === 0) await sleep(clock, Math.min(ROUND_MS, end - clock.now()), signal).catch(() => {});
  }
  const held = await shards.takeOver(bucket, await move.deps.runner(), { force: false, intent: "abort" });
  if (held === null) throw new MoveLost(bucket, "it was ended by somebody else");
  move.held = held;
  return "arm";
}
