import type { Clock } from "../util/clock.ts";
import { formatDuration } from "../util/duration.ts";
import { type Finding, ok, warn } from "./check.ts";

const ROUND_TRIPS = 7;
/** Above this a lock's renewal, which is sent at a third of its TTL, has little room with short TTLs. */
const SLOW_MS = 250;
/** Clocks further apart than this make what is shown to people (`since`, `expiresAt`) misleading. */
const CLOCK_MS = 1000;

/** The median of several round trips, one after the other. */
export async function latencyOf(clock: Clock, roundTrip: () => Promise<unknown>): Promise<Finding> {
  const times: number[] = [];
  // The first one pays for what is loaded or connected on the way.
  await roundTrip();
  for (let i = 0; i < ROUND_TRIPS; i++) {
    const sent = clock.monotonic();
    await roundTrip();
    times.push(clock.monotonic() - sent);
  }
  times.sort((a, b) => a - b);
  const median = rounded(times[ROUND_TRIPS >> 1] ?? 0);
  const max = rounded(times.at(-1) ?? 0);
  const data = { medianMs: median, maxMs: max, roundTrips: ROUND_TRIPS };
  const detail = `median ${median} ms, longest ${max} ms of ${ROUND_TRIPS} round trips`;
  if (median <= SLOW_MS) return ok("latency", detail, data);
  return warn(
    "latency",
    `${detail}: a lock needs a TTL of at least ${formatDuration(median * 40)} to be renewed in time`,
    `dcs lock acquire NAME --ttl ${formatDuration(Math.max(60_000, median * 40))} -- COMMAND`,
    { data },
  );
}

/**
 * How far a server's clock is from ours. `server` is its epoch ms, read between `sent` and `received` (our epoch ms) and
 * itself exact to `grainMs`.
 */
export function clockDifference(server: number, sent: number, received: number, grainMs = 0): Finding {
  const difference = Math.round(server + grainMs / 2 - (sent + received) / 2);
  const exactness = Math.ceil((received - sent + grainMs) / 2);
  const data = { differenceMs: difference, exactToMs: exactness };
  const ahead = difference >= 0 ? "ahead of" : "behind";
  if (Math.abs(difference) <= exactness) {
    return ok("clock", `the server's clock and ours agree to ${formatDuration(exactness)}`, data);
  }
  const detail = `the server's clock is ${formatDuration(Math.abs(difference))} ${ahead} ours, ± ${formatDuration(exactness)}`;
  if (Math.abs(difference) <= CLOCK_MS + exactness) return ok("clock", detail, data);
  return warn("clock", detail, "timedatectl set-ntp true   # on both machines", { data });
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
