import { type KeyMeaning, summarizeKeys } from "../../core/lease/describe-key.ts";
import type { LeaseInfo } from "../../core/store/store.ts";
import { formatDuration } from "../../core/util/duration.ts";

/** A lease as JSON: `keys` as they stand in the store, `what` says what each of them is. */
export function leaseData(info: LeaseInfo, what: readonly KeyMeaning[]): Readonly<Record<string, unknown>> {
  return {
    id: info.id,
    ttlMs: info.ttlMs,
    remainingMs: Math.round(info.remainingMs),
    grantedAt: info.grantedAt === null ? null : new Date(info.grantedAt).toISOString(),
    detached: info.detached,
    keys: info.keys,
    what,
    holder: info.holder,
  };
}

export const LEASE_HEAD = ["LEASE", "LEFT", "TTL", "KEYS", "HOLDER"] as const;
export const LEASE_HEAD_WIDE = [...LEASE_HEAD, "AGE", "KEPT BY", "COMMAND"] as const;

export function leaseCells(info: LeaseInfo, what: readonly KeyMeaning[]): readonly string[] {
  const { holder } = info;
  return [
    info.id,
    formatDuration(info.remainingMs),
    formatDuration(info.ttlMs),
    summarizeKeys(what),
    holder === null ? "-" : `${holder.host}:${holder.pid}`,
  ];
}

export function leaseCellsWide(info: LeaseInfo, what: readonly KeyMeaning[]): readonly string[] {
  return [
    ...leaseCells(info, what),
    info.grantedAt === null ? "-" : formatDuration(Math.max(0, Date.now() - info.grantedAt)),
    info.detached ? "its token" : "its process",
    info.holder?.command ?? "-",
  ];
}
