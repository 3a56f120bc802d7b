import { type Clock, sleep } from "../../util/clock.ts";
import type { MoverSession } from "./mover-session.ts";

/** Asked before each chunk with its rows; resolves when it may go. */
export type Throttle = (rows: number, signal: AbortSignal) => Promise<void>;

export interface ThrottleOptions {
  readonly clock: Clock;
  /** Rows a second, all lanes that share the throttle together. */
  readonly maxRate?: number;
  /** Wait while a server runs more statements at once (`Threads_running`), or its replicas are so far behind. */
  readonly maxThreads?: number;
  readonly maxLagS?: number;
  /** Of the servers that are watched. */
  readonly watched?: readonly MoverSession[];
  /** How old what is known of the servers may be, ms (500). */
  readonly everyMs?: number;
}

/** Keeps a mover to a rate, and away from servers that are busy. Rejects with the signal's reason. */
export function makeThrottle(options: ThrottleOptions): Throttle {
  const { clock, maxRate, watched = [], everyMs = 500 } = options;
  let freeAt = clock.monotonic();
  let asked = { at: Number.NEGATIVE_INFINITY, isBusy: Promise.resolve(false) };
  const isBusy = () => {
    if (clock.monotonic() - asked.at >= everyMs) {
      const answers = Promise.all(watched.map((session) => isServerBusy(session, options)));
      asked = { at: clock.monotonic(), isBusy: answers.then((all) => all.includes(true)) };
    }
    return asked.isBusy;
  };
  return async (rows, signal) => {
    signal.throwIfAborted();
    if (maxRate !== undefined) {
      // What was not used is kept for one chunk at most: a pause is not made up for by a burst.
      const begin = Math.max(freeAt, clock.monotonic());
      freeAt = begin + (rows / maxRate) * 1000;
      if (begin > clock.monotonic()) await sleep(clock, begin - clock.monotonic(), signal);
    }
    if (options.maxThreads === undefined && options.maxLagS === undefined) return;
    while (await isBusy()) await sleep(clock, everyMs, signal);
  };
}

async function isServerBusy(
  session: MoverSession,
  { maxThreads, maxLagS }: ThrottleOptions,
): Promise<boolean> {
  const [threads = [], replica = []] = await session.send([
    "SHOW GLOBAL STATUS LIKE 'Threads_running'",
    ...(maxLagS === undefined
      ? []
      : [session.dialect === "mysql" ? "SHOW REPLICA STATUS" : "SHOW SLAVE STATUS"]),
  ]);
  if (maxThreads !== undefined && Number(threads[0]?.["Value"] ?? 0) > maxThreads) return true;
  if (maxLagS === undefined) return false;
  // Null where a replica does not follow at all.
  return replica.some((row) => {
    const lag = row["Seconds_Behind_Master"] ?? row["Seconds_Behind_Source"] ?? null;
    return lag === null || Number(lag) > maxLagS;
  });
}
