import { SERVICES_PREFIX, UNREADY_PREFIX } from "../store/keys.ts";
import type { KeyValue, Store, WatchBatch } from "../store/store.ts";
import { type Clock, sleep } from "../util/clock.ts";
import { type CatalogQuery, groupServices, instanceIdOfKey, readKeys, type Service } from "./catalog.ts";
import { follow } from "./follow.ts";
import { decodeInstance, type Instance } from "./instance.ts";
import { Wake } from "./wake.ts";

export type ChangeType = "added" | "removed" | "ready" | "unready" | "changed";

export interface ServiceChange {
  readonly type: ChangeType;
  /** As it is now; for `removed`, as it was. */
  readonly instance: Instance;
}

/** One step of a watch. The first holds everything as `added`. */
export interface ServicesStep {
  readonly first: boolean;
  readonly changes: readonly ServiceChange[];
  /** The whole state, put together when asked for. */
  services(): readonly Service[];
}

/** A move from ready to unready is told by two watches; what both say within this time is one change. */
const SETTLE_MS = 10;

/**
 * The services and what happens to them until the signal aborts. Survives failures of the store: after a gap the
 * difference is told, nothing is missed.
 */
export async function* watchServices(
  store: Store,
  query: CatalogQuery,
  clock: Clock,
  until: AbortSignal,
): AsyncIterable<ServicesStep> {
  // Also a consumer that leaves the loop ends what runs behind it.
  const left = new AbortController();
  try {
    yield* watchUntil(store, query, clock, AbortSignal.any([until, left.signal]));
  } finally {
    left.abort();
  }
}

async function* watchUntil(
  store: Store,
  query: CatalogQuery,
  clock: Clock,
  signal: AbortSignal,
): AsyncIterable<ServicesStep> {
  const tail = query.service === undefined ? "" : `${query.service}/`;
  const { kvs, revision } = await readKeys(store, query, { signal });
  const keys = new Map(kvs.map((kv) => [kv.key, kv]));
  const shown = new Map<string, Instance>();
  const wake = new Wake();
  const touched = new Set<string>();
  let stale = false;
  const take = (batch: WatchBatch): void => {
    if (batch.resync) stale = true;
    for (const event of batch.events) {
      const key = event.type === "put" ? event.kv.key : event.key;
      if (event.type === "put") keys.set(key, event.kv);
      else keys.delete(key);
      touched.add(instanceIdOfKey(key));
    }
    wake.ring();
  };
  const onBreak = () => {
    stale = true;
    wake.ring();
  };
  const prefixes = query.readyOnly === true ? [SERVICES_PREFIX] : [SERVICES_PREFIX, UNREADY_PREFIX];
  const step = (ids: Iterable<string>, first: boolean): ServicesStep => ({
    first,
    changes: [...ids].map((id) => change(id, keys, shown)).filter((found) => found !== null),
    services: () => groupServices(shown.values()),
  });

  yield step(new Set(kvs.map((kv) => instanceIdOfKey(kv.key))), true);
  for (const prefix of prefixes) {
    void follow({ store, clock, signal, prefix: prefix + tail, from: revision + 1, onBatch: take, onBreak });
  }
  while (!signal.aborted) {
    await wake.wait(clock, Number.POSITIVE_INFINITY, signal);
    await sleep(clock, SETTLE_MS, signal).catch(() => {});
    if (signal.aborted) return;
    if (stale) {
      stale = !(await reload(store, query, keys, touched, signal));
      if (stale) wake.ring();
    }
    const next = step(touched, false);
    touched.clear();
    if (next.changes.length > 0) yield next;
  }
}

/** Reads everything again after a gap; false when the store does not answer. */
async function reload(
  store: Store,
  query: CatalogQuery,
  keys: Map<string, KeyValue>,
  touched: Set<string>,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { kvs } = await readKeys(store, query, { signal });
    for (const key of keys.keys()) touched.add(instanceIdOfKey(key));
    keys.clear();
    for (const kv of kvs) {
      keys.set(kv.key, kv);
      touched.add(instanceIdOfKey(kv.key));
    }
    return true;
  } catch {
    return false;
  }
}

function change(
  id: string,
  keys: ReadonlyMap<string, KeyValue>,
  shown: Map<string, Instance>,
): ServiceChange | null {
  const kv = keys.get(SERVICES_PREFIX + id) ?? keys.get(UNREADY_PREFIX + id);
  const now = kv === undefined ? null : decodeInstance(kv);
  const before = shown.get(id);
  if (now === null) {
    shown.delete(id);
    return before === undefined ? null : { type: "removed", instance: before };
  }
  shown.set(id, now);
  if (before === undefined) return { type: "added", instance: now };
  if (before.status !== now.status) return { type: now.status, instance: now };
  return same(before, now) ? null : { type: "changed", instance: now };
}

function same(a: Instance, b: Instance): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
