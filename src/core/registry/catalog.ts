import { SERVICES_PREFIX, UNREADY_PREFIX } from "../store/keys.ts";
import type { CallOptions, KeyValue, ListResult, Revision, Store } from "../store/store.ts";
import { decodeInstance, type Instance } from "./instance.ts";

/** A service: its instances, sorted by id. */
export interface Service {
  readonly name: string;
  readonly instances: readonly Instance[];
}

export interface CatalogQuery {
  /** One service only. */
  readonly service?: string | undefined;
  /** Ready instances only. */
  readonly readyOnly?: boolean | undefined;
}

/** Which instances, beside the service. */
export interface InstanceFilter {
  readonly version?: string | undefined;
  readonly zone?: string | undefined;
  /** All of them. */
  readonly tags?: readonly string[] | undefined;
}

export interface Catalog {
  readonly services: readonly Service[];
  /** Watch from this + 1. */
  readonly revision: Revision;
}

/** How often two lists are read again because the store moved between them. */
const SAME_STATE_TRIES = 4;

/** The services of the store, sorted by name. */
export async function listServices(
  store: Store,
  query: CatalogQuery,
  options: CallOptions = {},
): Promise<Catalog> {
  const { kvs, revision } = await readKeys(store, query, options);
  return { services: groupServices(kvs.map(decodeInstance).filter((found) => found !== null)), revision };
}

/** The keys of ready and unready instances, as they stood at one moment where that can be had. */
export async function readKeys(store: Store, query: CatalogQuery, options: CallOptions): Promise<ListResult> {
  const tail = query.service === undefined ? "" : `${query.service}/`;
  if (query.readyOnly === true) return store.list(SERVICES_PREFIX + tail, options);
  let ready = await store.list(SERVICES_PREFIX + tail, options);
  for (let attempt = 0; ; attempt++) {
    const unready = await store.list(UNREADY_PREFIX + tail, options);
    // An instance that moved between the two reads would be seen twice or not at all.
    if (unready.revision === ready.revision || attempt === SAME_STATE_TRIES) {
      const kvs = unready.kvs.length === 0 ? ready.kvs : newestById([...ready.kvs, ...unready.kvs]);
      return { kvs, revision: Math.min(ready.revision, unready.revision) };
    }
    ready = await store.list(SERVICES_PREFIX + tail, options);
    if (ready.revision === unready.revision) {
      return { kvs: newestById([...ready.kvs, ...unready.kvs]), revision: ready.revision };
    }
  }
}

function newestById(kvs: readonly KeyValue[]): readonly KeyValue[] {
  const newest = new Map<string, KeyValue>();
  for (const kv of kvs) {
    const id = instanceIdOfKey(kv.key);
    const other = newest.get(id);
    if (other === undefined || other.modRevision < kv.modRevision) newest.set(id, kv);
  }
  return [...newest.values()];
}

/** The instance id in a key under SERVICES_PREFIX or UNREADY_PREFIX. */
export function instanceIdOfKey(key: string): string {
  return key.slice((key.startsWith(SERVICES_PREFIX) ? SERVICES_PREFIX : UNREADY_PREFIX).length);
}

export function groupServices(instances: Iterable<Instance>): readonly Service[] {
  const byName = new Map<string, Instance[]>();
  for (const instance of instances) {
    const group = byName.get(instance.service);
    if (group === undefined) byName.set(instance.service, [instance]);
    else group.push(instance);
  }
  return [...byName]
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, group]) => ({ name, instances: group.sort((a, b) => compareText(a.id, b.id)) }));
}

export function matches(instance: Instance, { version, zone, tags = [] }: InstanceFilter): boolean {
  if (version !== undefined && instance.version !== version) return false;
  if (zone !== undefined && instance.zone !== zone) return false;
  return tags.every((tag) => instance.tags.includes(tag));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
