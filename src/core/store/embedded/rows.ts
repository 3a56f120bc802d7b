import type { SQLOutputValue } from "node:sqlite";
import type { Holder, KeyValue, LeaseInfo } from "../store.ts";

/** A row as node:sqlite returns it. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

export function toKeyValue(row: Row): KeyValue {
  return {
    key: String(row.key),
    value: String(row.value),
    createRevision: Number(row.create_revision),
    modRevision: Number(row.mod_revision),
    lease: typeof row.lease === "string" ? row.lease : null,
  };
}

/** `keys` are those on the lease; `now` is CLOCK_MONOTONIC ms. */
export function toLeaseInfo(row: Row, keys: readonly string[], now: number): LeaseInfo {
  return {
    id: String(row.id),
    ttlMs: Number(row.ttl_ms),
    remainingMs: Math.max(0, Number(row.deadline_ms) - now),
    grantedAt: Number(row.granted_at),
    detached: row.wall_deadline_ms !== null,
    holder: parseHolder(row.holder),
    keys,
  };
}

export function parseHolder(json: SQLOutputValue | undefined): Holder | null {
  try {
    return JSON.parse(String(json)) as Holder;
  } catch {
    return null;
  }
}

/** The first key after all keys that start with `prefix`: keys are compared as UTF-8, and U+10FFFF sorts last. */
export function prefixEnd(prefix: string): string {
  return `${prefix}\u{10FFFF}`;
}
