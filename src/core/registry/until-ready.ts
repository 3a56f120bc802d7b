import { DcsError } from "../errors.ts";
import type { Store } from "../store/store.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { formatDuration } from "../util/duration.ts";
import { within } from "../util/within.ts";
import type { CatalogQuery, Service } from "./catalog.ts";
import { watchServices } from "./watch-services.ts";

export interface ReadyWait {
  /** Infinity waits for ever. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/**
 * The first thing other than null that `take` finds in the ready instances that the query covers; null when it found
 * nothing within the wait. `take` is asked again after each change.
 */
export async function awaitReady<T>(
  store: Store,
  query: CatalogQuery,
  { waitMs, signal, clock = systemClock }: ReadyWait,
  take: (services: readonly Service[]) => T | null,
): Promise<T | null> {
  const found = await within(clock, waitMs, signal, async (both) => {
    for await (const step of watchServices(store, { ...query, readyOnly: true }, clock, both)) {
      const taken = take(step.services());
      if (taken !== null) return taken;
    }
    return null;
  });
  if (found === null) signal.throwIfAborted();
  return found;
}

/** Resolves when an instance that the query covers is ready; WAIT_TIMEOUT when none is within the wait. */
export async function untilReady(store: Store, query: CatalogQuery, wait: ReadyWait): Promise<void> {
  const found = await awaitReady(store, query, wait, (services) => (services.length > 0 ? services : null));
  if (found !== null) return;
  const what = query.service === undefined ? "any service" : query.service;
  const { waitMs } = wait;
  throw new DcsError("WAIT_TIMEOUT", `no ready instance of ${what} came within ${formatDuration(waitMs)}`, {
    details: { service: query.service ?? null, waitMs },
  });
}
