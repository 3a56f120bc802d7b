import { DRAIN_PREFIX, SERVICES_PREFIX, UNREADY_PREFIX } from "../store/keys.ts";
import type { CallOptions, KeyValue, LeaseId, Revision, Store } from "../store/store.ts";
import { type DrainMarker, decodeMarker } from "./drain-marker.ts";
import type { Entry } from "./entry.ts";

/** The three prefixes under which a registrant's own keys stand, as narrow as its instances allow. */
export interface Scope {
  readonly ready: string;
  readonly unready: string;
  readonly drain: string;
}

export function scopeOf(entries: readonly Entry[]): Scope {
  const [first] = entries;
  let tail = "";
  if (first !== undefined && entries.length === 1) tail = first.id;
  else if (first !== undefined && entries.every((entry) => entry.spec.service === first.spec.service)) {
    tail = `${first.spec.service}/`;
  }
  return { ready: SERVICES_PREFIX + tail, unready: UNREADY_PREFIX + tail, drain: DRAIN_PREFIX + tail };
}

export interface Observation {
  readonly revision: Revision;
  /** Entries that somebody deregistered from outside, with the mark that says so. */
  readonly drained: readonly { readonly entry: Entry; readonly marker: DrainMarker }[];
  /** Entries that were in the store and are gone without a mark. */
  readonly missing: readonly Entry[];
}

/** Reads where our entries really stand and writes it into them. */
export async function observe(
  store: Store,
  lease: LeaseId,
  entries: readonly Entry[],
  scope: Scope,
  options: CallOptions,
): Promise<Observation> {
  // The marker is written in the transaction of the deletion: reading it last, a deletion never comes without it.
  const ready = await store.list(scope.ready, options);
  const unready = await store.list(scope.unready, options);
  const drain = await store.list(scope.drain, options);
  const readyKeys = byKey(ready.kvs);
  const unreadyKeys = byKey(unready.kvs);
  const drainKeys = byKey(drain.kvs);
  const drained: { entry: Entry; marker: DrainMarker }[] = [];
  const missing: Entry[] = [];
  for (const entry of entries) {
    if (entry.leaving) continue;
    const atReady = readyKeys.get(entry.keys.ready);
    const atUnready = unreadyKeys.get(entry.keys.unready);
    const mark = drainKeys.get(entry.keys.drain);
    const mine = atReady?.lease === lease ? atReady : atUnready?.lease === lease ? atUnready : undefined;
    const others = [atReady, atUnready].find((kv) => kv !== undefined && kv.lease !== lease);
    entry.takenBy = others ?? null;
    if (mine !== undefined) {
      entry.at = mine === atReady ? "ready" : "unready";
      entry.revision = mine.modRevision;
      continue;
    }
    const stood = entry.at !== "none";
    entry.at = "none";
    if (mark?.lease === lease) drained.push({ entry, marker: decodeMarker(mark, entry.id, lease) });
    else if (stood) missing.push(entry);
  }
  return { revision: ready.revision, drained, missing };
}

function byKey(kvs: readonly KeyValue[]): Map<string, KeyValue> {
  return new Map(kvs.map((kv) => [kv.key, kv]));
}
