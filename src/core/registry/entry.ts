import type { Compare, KeyValue, LeaseId, Op, Revision } from "../store/store.ts";
import {
  encodeInstance,
  type Instance,
  type InstanceKeys,
  type InstanceSpec,
  instanceId,
  instanceKeys,
} from "./instance.ts";

/** Where an instance stands: at its ready key, at its unready key, or at neither. */
export type Place = "ready" | "unready" | "none";

/** One instance as its registrant sees it: where it should stand, and where it is known to stand. */
export interface Entry {
  readonly spec: InstanceSpec;
  readonly id: string;
  readonly keys: InstanceKeys;
  readonly registeredAt: number;
  want: Place;
  at: Place;
  /** Why it is not ready. */
  detail: string | null;
  /** The detail that the store has. */
  writtenDetail: string | null;
  /** Revision of our own last change of its keys; older deletions seen by the watch are our own moves. */
  revision: Revision;
  /** What stands in our way: a key of this address on a lease that is not ours. */
  takenBy: KeyValue | null;
  /** The caller was told of that. */
  toldTaken: boolean;
  /** The last thing said about it to the caller. */
  said: "nothing" | "pending" | "ready" | "unready";
  /** The detail that was told with `pending`. */
  saidDetail: string | null;
  /** It was in the store and is there no more, and nobody asked for that. */
  lost: boolean;
  /** It is being deregistered, or was: it never comes back. */
  leaving: boolean;
}

export function newEntry(spec: InstanceSpec, want: Place, detail: string | null, now: number): Entry {
  const id = instanceId(spec);
  return {
    spec,
    id,
    keys: instanceKeys(id),
    registeredAt: now,
    want,
    at: "none",
    detail,
    writtenDetail: null,
    revision: 0,
    takenBy: null,
    toldTaken: false,
    said: "nothing",
    saidDetail: null,
    lost: false,
    leaving: false,
  };
}

export function entryInstance(entry: Entry, lease: LeaseId | null): Instance {
  const { spec, id, detail, registeredAt, at } = entry;
  return {
    ...spec,
    id,
    status: at === "ready" ? "ready" : "unready",
    detail: at === "ready" ? null : detail,
    lease,
    registeredAt,
    foreign: false,
  };
}

/** True when the store is not yet as it should be. */
export function isPending(entry: Entry): boolean {
  if (entry.want !== entry.at) return true;
  return entry.at === "unready" && entry.detail !== entry.writtenDetail;
}

/** What one entry asks of a transaction. Every change compares our own lease, so nobody else's instance is touched. */
export function planMove(entry: Entry, lease: LeaseId): { readonly compares: Compare[]; readonly ops: Op[] } {
  const { keys, at, want, spec, registeredAt, detail } = entry;
  const compares: Compare[] = [];
  const ops: Op[] = [];
  for (const place of ["ready", "unready"] as const) {
    const key = keys[place];
    if (place === at) {
      compares.push({ key, lease });
      if (want !== place) ops.push({ delete: key });
    } else if (want !== "none") {
      compares.push({ key, is: "absent" });
    }
    if (want === place) {
      const value = encodeInstance(spec, registeredAt, place === "unready" ? detail : null);
      ops.push({ put: key, value, lease });
    }
  }
  return { compares, ops };
}
