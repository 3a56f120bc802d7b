import { LEASE_RECORD_PREFIX } from "../keys.ts";
import type { GrantRequest, Holder, LeaseId } from "../store.ts";
import { fromApi, toApi } from "./codec.ts";

/** What etcd does not keep of a lease, in a key on that lease. */
export interface LeaseRecord {
  readonly holder: Holder;
  readonly detached: boolean;
  /** Epoch ms. */
  readonly grantedAt: number;
}

/** The key of a lease's record. Ids are brought to one form, so that a typed `0a` finds `a`. */
export function leaseRecordKey(id: LeaseId): string {
  return LEASE_RECORD_PREFIX + fromApi(toApi(id));
}

export function newLeaseRecord(request: GrantRequest, now: number): LeaseRecord {
  return { holder: request.holder, detached: request.detached === true, grantedAt: now };
}

/** Null for what is not a record. */
export function parseLeaseRecord(json: string): LeaseRecord | null {
  try {
    const record: Partial<LeaseRecord> | null = JSON.parse(json);
    if (typeof record?.holder !== "object" || typeof record.grantedAt !== "number") return null;
    return { holder: record.holder, detached: record.detached === true, grantedAt: record.grantedAt };
  } catch {
    return null;
  }
}
