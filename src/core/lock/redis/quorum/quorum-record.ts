import type { LockHolder } from "../../lock.ts";
import { EXCLUSIVE } from "../../lock-mode.ts";
import type { LockRecord } from "../../lock-record.ts";
import { proofOf } from "../../lock-token.ts";
import { shownValue } from "../../lock-value.ts";
import { leaseOf } from "../redis-look.ts";

/** What is written beside a key of a quorum: the record of every driver, and the fence that was sealed. */
export interface QuorumRecord extends LockRecord {
  /** Null for a hold without one. */
  readonly fence: number | null;
}

/** The record, if it is that of the token: it outlives its hold, and another tool's hold has none. */
export function recordOf(json: string, token: string): QuorumRecord | null {
  try {
    const record = json === "" ? null : (JSON.parse(json) as QuorumRecord);
    return record?.proof === proofOf(token) ? record : null;
  } catch {
    return null;
  }
}

/** The number of a hold: its fence, or where it has none, when it was asked for, in µs. */
export function grantOf({ fence, since }: Pick<QuorumRecord, "fence" | "since">): number {
  return fence ?? since * 1000;
}

/** A hold as others see it, or with `waits` a place in the queue. */
export function describeHold(
  token: string,
  record: QuorumRecord | null,
  remainingMs: number,
  { waits = false }: { readonly waits?: boolean } = {},
): LockHolder {
  const isHold = record !== null && !waits;
  return {
    holder: record?.holder ?? null,
    reason: record?.reason ?? null,
    lease: leaseOf(token),
    mode: EXCLUSIVE,
    value: shownValue(record?.value),
    fence: isHold ? record.fence : 0,
    grant: isHold ? grantOf(record) : 0,
    since: record?.since ?? null,
    ttlMs: record?.ttlMs ?? 0,
    remainingMs: Math.max(0, Math.round(remainingMs)),
    detached: record?.detached ?? false,
  };
}
