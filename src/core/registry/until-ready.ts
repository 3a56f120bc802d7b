import { DcsError } from "../errors.ts";
import type { Store } from "../store/store.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { formatDuration } from "../util/duration.ts";
import type { CatalogQuery } from "./catalog.ts";
import { watchServices } from "./watch-services.ts";

/** Resolves when an instance that the query covers is ready; WAIT_TIMEOUT when none is within `waitMs`. */
export async function untilReady(
  store: Store,
  query: CatalogQuery,
  waitMs: number,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<void> {
  const over = new AbortController();
  const cancel = Number.isFinite(waitMs) ? clock.timer(waitMs, () => over.abort()) : () => {};
  const both = AbortSignal.any([signal, over.signal]);
  try {
    for await (const step of watchServices(store, { ...query, readyOnly: true }, clock, both)) {
      if (step.services().length > 0) return;
    }
  } finally {
    cancel();
    over.abort();
  }
  signal.throwIfAborted();
  const what = query.service === undefined ? "any service" : query.service;
  throw new DcsError("WAIT_TIMEOUT", `no ready instance of ${what} came within ${formatDuration(waitMs)}`, {
    details: { service: query.service ?? null, waitMs },
  });
}
