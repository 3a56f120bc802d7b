import { sleep } from "../../util/clock.ts";
import type { Move } from "./move.ts";

/** Between two looks at what routers have said, ms. */
const LOOK_MS = [5, 250] as const;

/**
 * The ack barrier: every router whose lease lives has a map in which the bucket has the epoch of the held move, and no transaction by
 * an older one. Once passed it stays so. Needed before every deletion of rows at a server that once served them.
 */
export async function awaitRouters(move: Move): Promise<void> {
  const { shards, clock, signal } = move.deps;
  const { mapRevision } = move.held;
  for (let delay: number = LOOK_MS[0]; ; delay = Math.min(delay * 2, LOOK_MS[1])) {
    const late = (await shards.acks()).filter((ack) => ack.revision < mapRevision);
    if (late.length === 0) break;
    const names = late.map(({ host, pid, at }) => `${host} pid ${pid} (since ${new Date(at).toISOString()})`);
    move.report.waits({ what: "routers", for: names.join(", ") });
    move.mayStop();
    await sleep(clock, delay, signal).catch(() => move.mayStop());
  }
  move.report.waits(null);
}
