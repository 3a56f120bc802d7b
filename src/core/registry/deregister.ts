import { DcsError } from "../errors.ts";
import { DRAIN_PREFIX } from "../store/keys.ts";
import {
  type CallOptions,
  type Compare,
  type KeyValue,
  MAX_TXN_OPS,
  type Op,
  type Store,
} from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import { readKeys } from "./catalog.ts";
import { encodeMarker } from "./drain-marker.ts";
import { follow } from "./follow.ts";
import { decodeInstance, type Instance, instanceKeys } from "./instance.ts";
import { Wake } from "./wake.ts";

export interface DeregisterRequest {
  readonly instances: readonly Instance[];
  /** Who asks, for people: `root@host (pid 123)`. */
  readonly by: string;
  readonly reason: string | null;
  readonly clock: Clock;
}

const TRIES = 6;

/**
 * Takes instances out of the catalogue from outside: in one transaction the key goes and a marker comes, on the
 * instance's own lease, by which the registrant knows that it should drain and end. Instances that vanished meanwhile
 * count as done; their number is subtracted. STORE_CONFLICT when one keeps moving.
 */
export async function deregisterInstances(
  store: Store,
  request: DeregisterRequest,
  options: CallOptions = {},
): Promise<readonly Instance[]> {
  const done: Instance[] = [];
  let left = request.instances;
  for (let attempt = 0; left.length > 0; attempt++) {
    if (attempt === TRIES) {
      throw new DcsError("STORE_CONFLICT", `${left[0]?.id} kept moving between ready and unready`, {
        details: {
          instances: left.map((instance) => instance.id),
          done: done.map((instance) => instance.id),
        },
      });
    }
    const moved: Instance[] = [];
    for (const batch of chunks(left, MAX_TXN_OPS / 2)) {
      const removed = new Set(await removeBatch(store, batch, request, options));
      done.push(...removed);
      moved.push(...batch.filter((instance) => !removed.has(instance)));
    }
    left = await stillThere(store, moved, options);
  }
  return done;
}

/** The instances that were removed: all or, where one is not as it was, each that is tried alone and can be. */
async function removeBatch(
  store: Store,
  batch: readonly Instance[],
  request: DeregisterRequest,
  options: CallOptions,
): Promise<readonly Instance[]> {
  const { compares, ops } = planRemoval(batch, request);
  const { succeeded } = await store.txn({ compares, ops }, options);
  if (succeeded) return batch;
  if (batch.length === 1) return [];
  const removed: Instance[] = [];
  for (const instance of batch) removed.push(...(await removeBatch(store, [instance], request, options)));
  return removed;
}

function planRemoval(
  batch: readonly Instance[],
  { by, reason, clock }: DeregisterRequest,
): { readonly compares: readonly Compare[]; readonly ops: readonly Op[] } {
  const compares: Compare[] = [];
  const ops: Op[] = [];
  for (const { id, status, lease, foreign } of batch) {
    const keys = instanceKeys(id);
    const key = keys[status];
    compares.push(lease === null ? { key, is: "present" } : { key, lease });
    ops.push({ delete: key });
    // Another tool would not read a marker.
    if (lease === null || foreign) continue;
    const value = encodeMarker({ instance: id, lease, by, reason, at: clock.now() });
    ops.push({ put: keys.drain, value, lease });
  }
  return { compares, ops };
}

async function stillThere(
  store: Store,
  instances: readonly Instance[],
  options: CallOptions,
): Promise<readonly Instance[]> {
  const found: Instance[] = [];
  for (const { id } of instances) {
    const keys = instanceKeys(id);
    const kv = (await store.get(keys.ready, options)) ?? (await store.get(keys.unready, options));
    const now = kv === null ? null : decodeInstance(kv);
    if (now !== null) found.push(now);
  }
  return found;
}

/** Resolves when the registrants have drained and gone: their markers are no more. */
export async function untilDrained(
  store: Store,
  instances: readonly Instance[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const wake = new Wake();
  const ring = () => wake.ring();
  const stop = new AbortController();
  const watch = { store, clock, signal: stop.signal, prefix: DRAIN_PREFIX, onBatch: ring, onBreak: ring };
  try {
    for (let watched = false; ; watched = true) {
      const { kvs, revision } = await store.list(DRAIN_PREFIX, { signal });
      const marks = new Map(kvs.map(({ key, lease }) => [key, lease]));
      if (!instances.some(({ id, lease }) => marks.get(instanceKeys(id).drain) === lease)) return;
      if (!watched) void follow({ ...watch, from: revision + 1 });
      await wake.wait(clock, Number.POSITIVE_INFINITY, signal);
      signal.throwIfAborted();
    }
  } finally {
    stop.abort();
  }
}

/** The instances a user means: all of a service, or the one at an endpoint. INSTANCE_NOT_FOUND when there is none. */
export async function findInstances(
  store: Store,
  service: string,
  endpoint: string | null,
  options: CallOptions = {},
): Promise<readonly Instance[]> {
  const { kvs } = await readKeys(store, { service }, options);
  const all = kvs.map((kv: KeyValue) => decodeInstance(kv)).filter((instance) => instance !== null);
  const id = endpoint === null ? null : `${service}/${endpoint}`;
  const found = id === null ? all : all.filter((one) => one.id === id || one.endpoint === endpoint);
  if (found.length > 0) return found;
  const what = id === null ? `no instance of ${service} is` : `${id} is not`;
  throw new DcsError("INSTANCE_NOT_FOUND", `${what} registered`, {
    details: { service, endpoint, registered: all.slice(0, 20).map((instance) => instance.id) },
    hint: all.length === 0 ? "run `dcs services`" : `run \`dcs services ${service} --all\``,
  });
}

function* chunks<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}
