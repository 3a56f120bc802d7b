import { DcsError } from "../errors.ts";
import { formatDuration } from "../util/duration.ts";

/** When the command under a lock is told to stop, and killed, counted back from the hold's deadline. */
export interface GuardTimes {
  /** Between SIGTERM and SIGKILL, ms. */
  readonly graceMs: number;
  /** SIGKILL is sent this long before the deadline, ms. */
  readonly marginMs: number;
}

/** The renewing thread begins this long after the command: most commands under locks are over before, and pay nothing for it. */
const WATCH_AFTER_MS = 300;
/** What the thread is given to start and to connect before its first renewal is due. */
const CONNECT_MS = 1000;
const MAX_GRACE_MS = 10_000;
const MAX_MARGIN_MS = 500;

/**
 * Renewal is tried from a third of the TTL on; grace and margin take at most the last third, so a third is left for
 * retries. USAGE when the grace asked for does not fit the TTL.
 */
export function guardTimes(ttlMs: number, graceMs?: number): GuardTimes {
  const marginMs = Math.min(MAX_MARGIN_MS, ttlMs / 12);
  const most = ttlMs / 3 - marginMs;
  if (graceMs === undefined) return { graceMs: Math.min(MAX_GRACE_MS, most), marginMs };
  if (graceMs <= most) return { graceMs, marginMs };
  throw new DcsError(
    "USAGE",
    `--grace ${formatDuration(graceMs)} does not fit --ttl ${formatDuration(ttlMs)}: at most ${formatDuration(Math.floor(most))}`,
    {
      details: { flag: "--grace", valueMs: graceMs, maxMs: Math.floor(most), ttlMs },
      hint: `give a longer --ttl (${formatDuration(Math.ceil((graceMs + MAX_MARGIN_MS) * 3))} is enough) or a shorter --grace`,
    },
  );
}

/** True when a hold is so short that the thread must be connected before it is asked for: there is no time for it later. */
export function needsThreadFirst(ttlMs: number): boolean {
  return ttlMs / 3 < CONNECT_MS;
}

/** How long the thread may wait before it begins to watch and renew a hold that has `leftMs` until its deadline, ms. */
export function threadDelay(ttlMs: number, leftMs: number): number {
  const dueIn = leftMs - (ttlMs * 2) / 3;
  return Math.max(0, Math.min(WATCH_AFTER_MS, dueIn - CONNECT_MS));
}
