import type { KeyValue, LeaseId } from "../store/store.ts";

/**
 * The mark of a deregistration from outside. It stands on the instance's own lease, so it goes when the registrant
 * does, and a later registrant of the same address never takes it for its own.
 */
export interface DrainMarker {
  readonly instance: string;
  readonly lease: LeaseId;
  /** Who asked, for people: `root@host (pid 123)`. */
  readonly by: string;
  readonly reason: string | null;
  /** Epoch ms. */
  readonly at: number;
}

export function encodeMarker(marker: DrainMarker): string {
  return JSON.stringify(marker);
}

/** The marker a key holds; a value that cannot be read still says that somebody deregistered the instance. */
export function decodeMarker(kv: KeyValue, instance: string, lease: LeaseId): DrainMarker {
  const unknown: DrainMarker = { instance, lease, by: "unknown", reason: null, at: 0 };
  try {
    const value: unknown = JSON.parse(kv.value);
    if (typeof value !== "object" || value === null) return unknown;
    return { ...unknown, ...value };
  } catch {
    return unknown;
  }
}
