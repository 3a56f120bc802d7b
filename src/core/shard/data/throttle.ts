import { type Clock, sleep } from "../../util/clock.ts";
import type { MoverSession } from "./mover-session.ts";

/** Asked before each chunk with its rows; resolves when it may go. */
export type Throttle = (rows: number, signal: AbortSignal) => Promise<void>;

export interface ThrottleOptions {
  readonly clock: Clock;
  /** Rows a second, all lanes that share the throttle together. */
  readonly maxRate?: number;
  /** Wait while a server runs more statements at once (`Threads_running`), or is a replica that is further behind, s. */
  readonly maxThreads?: number;
  readonly maxLagS?: number;
  /** Of the servers that are watched. */
  readonly watched?: readonly MoverSession[];
  /** Why it waits for a server, in words; null once it waits no more. */
  readonly onWait?: (why: string | null) => void;
  /** How old what is known of the servers may be, ms (500). */
  readonly everyMs?: number;
}

/** Keeps a mover to a rate, and away from servers that are busy. Rejects with the signal's reason. */
export function makeThrottle(options: ThrottleOptions): Throttle {
  const { clock, maxRate, watched = [], everyMs = 500 } = options;
  let freeAt = clock.monotonic();
  let asked = { at: Number.NEGATIVE_INFINITY, busy: Promise.resolve<string | null>(null) };
  const busy = () => {
    if (clock.monotonic() - asked.at >= everyMs) {
      const answers = Promise.all(watched.map((session) => busyServer(session, options)));
      asked = { at: clock.monotonic(), busy: answers.then((all) => all.find((why) => why !== null) ?? null) };
    }
    return asked.busy;
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
    let why = await busy();
    if (why === null) return;
    for (; why !== null; why = await busy()) {
      options.onWait?.(why);
      await sleep(clock, everyMs, signal);
    }
    options.onWait?.(null);
  };
}

/** What keeps us away from a server; null where nothing does. */
async function busyServer(
  session: MoverSession,
  { maxThreads, maxLagS }: ThrottleOptions,
): Promise<string | null> {
  const [threads = [], replica = []] = await session.send([
    "SHOW GLOBAL STATUS LIKE 'Threads_running'",
    ...(maxLagS === undefined
      ? []
      : [session.dialect === "mysql" ? "SHOW REPLICA STATUS" : "SHOW SLAVE STATUS"]),
  ]);
  const running = Number(threads[0]?.["Value"] ?? 0);
  if (maxThreads !== undefined && running > maxThreads) {
    return `a server that runs ${running} statements at once, more than ${maxThreads}`;
  }
  if (maxLagS === undefined) return null;
  for (const row of replica) {
    // Null where a replica does not follow at all.
    const lag = row["Seconds_Behind_Master"] ?? row["Seconds_Behind_Source"] ?? null;
    if (lag === null) return "a replica that does not follow its source";
    if (Number(lag) > maxLagS) return `a replica that is ${lag} s behind, more than ${maxLagS} s`;
  }
  return null;
}
