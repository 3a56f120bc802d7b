import { formatDuration } from "../util/duration.ts";
import { shortened } from "../util/shortened.ts";
import type { LockHolder } from "./lock.ts";

/** A reason may be of any length; in a message it is cut here, and `holderDetails` has all of it. */
const MAX_REASON = 100;

/** The holder in one phrase for a message. */
export function sayHolder(place: LockHolder): string {
  const who = place.holder === null ? `lease ${place.lease}` : `${place.holder.host} pid ${place.holder.pid}`;
  const why = place.reason === null ? "" : ` ("${shortened(place.reason, MAX_REASON)}")`;
  return `${who}${why}, ${formatDuration(place.remainingMs)} left of its TTL`;
}

/** The same for the details of an error. */
export function holderDetails(place: LockHolder | null): Readonly<Record<string, unknown>> {
  if (place === null) return { holder: null };
  return {
    holder: place.holder?.command ?? null,
    host: place.holder?.host ?? null,
    pid: place.holder?.pid ?? null,
    reason: place.reason,
    remainingMs: Math.round(place.remainingMs),
    lease: place.lease,
    fence: place.fence,
  };
}
