import { DcsError } from "../../errors.ts";
import type { Clock } from "../../util/clock.ts";
import type {
  Compare,
  GrantRequest,
  Holder,
  Lease,
  LeaseId,
  Revision,
  TxnRequest,
  TxnResult,
} from "../store.ts";
import { prefixEnd } from "./rows.ts";
import type { StoreStatements } from "./statements.ts";

/** Deletions are remembered this long for watchers; one that was away for longer lists again. */
const REMEMBER_US = 30_000_000;

/**
 * What happens inside one SQLite write transaction. `begin` and `end` frame it; all other methods are the verbs of the
 * store on the rows. Purely synchronous: nothing here waits.
 */
export class Transaction {
  readonly #sql: StoreStatements;
  readonly #clock: Clock;
  #revision: Revision = 0;
  #compacted: Revision = 0;
  #changed = false;
  #deletions = 0;

  constructor(sql: StoreStatements, clock: Clock) {
    this.#sql = sql;
    this.#clock = clock;
  }

  begin(): void {
    const meta = this.#sql.get("meta-read").get();
    this.#revision = Number(meta?.revision);
    this.#compacted = Number(meta?.compacted);
    this.#changed = false;
    this.#deletions = 0;
    this.reapExpired();
  }

  /** Writes the revision once for all jobs, and forgets twice as many old deletions as were added. */
  end(): void {
    if (!this.#changed) return;
    if (this.#deletions > 0) {
      const horizon = this.#revision - REMEMBER_US;
      const purged = this.#sql.get("tombstone-purge").run(horizon, this.#deletions * 2);
      if (Number(purged.changes) > 0) this.#compacted = Math.max(this.#compacted, horizon);
    }
    this.#sql.get("meta-advance").run(this.#revision, this.#compacted);
  }

  txn(request: TxnRequest): TxnResult {
    for (const compare of request.compares ?? []) {
      if (!this.#holds(compare)) return { succeeded: false, revision: this.#revision };
    }
    for (const op of request.ops) {
      if ("put" in op && op.lease !== undefined && op.lease !== request.grant?.id)
        this.#requireLease(op.lease);
    }
    if (request.grant !== undefined) this.grant(request.grant);
    const revision = this.#nextRevision();
    for (const op of request.ops) {
      if ("put" in op) this.#sql.get("kv-put").run(op.put, op.value, revision, op.lease ?? null);
      else this.#delete(op.delete, revision);
    }
    if (request.revoke !== undefined) this.revoke(request.revoke);
    return { succeeded: true, revision };
  }

  grant(request: GrantRequest): Lease {
    const now = this.#clock.monotonic();
    const epoch = this.#clock.now();
    const wallDeadline = request.detached === true ? epoch + request.ttlMs : null;
    this.#sql
      .get("lease-put")
      .run(
        request.id,
        request.ttlMs,
        now + request.ttlMs,
        wallDeadline,
        epoch,
        JSON.stringify(request.holder),
      );
    return { id: request.id, ttlMs: request.ttlMs };
  }

  keepAlive(id: LeaseId): Lease {
    const { changes } = this.#sql.get("lease-renew").run(id, this.#clock.monotonic(), this.#clock.now());
    if (Number(changes) === 0) throw leaseGone(id);
    return { id, ttlMs: Number(this.#requireLease(id).ttl_ms) };
  }

  setHolder(id: LeaseId, holder: Holder): void {
    const { changes } = this.#sql.get("lease-holder").run(id, JSON.stringify(holder));
    if (Number(changes) === 0) throw leaseGone(id);
  }

  /** Ends the lease and deletes its keys; false when there was none. */
  revoke(id: LeaseId): boolean {
    if (Number(this.#sql.get("lease-delete").run(id).changes) === 0) return false;
    const keys = this.#sql.get("kv-of-lease").all(id);
    if (keys.length > 0) {
      const revision = this.#nextRevision();
      for (const row of keys) this.#delete(String(row.key), revision);
    }
    return true;
  }

  reapExpired(): void {
    const expired = this.#sql.get("lease-expired").all(this.#clock.monotonic());
    for (const row of expired) this.revoke(String(row.id));
  }

  /** After a reboot: CLOCK_MONOTONIC began anew, and no process of the last boot lives. */
  startBoot(boot: string): void {
    if (this.#sql.get("meta-read").get()?.boot === boot) return;
    this.#sql.get("lease-end-boot").run(this.#clock.monotonic(), this.#clock.now());
    this.#sql.get("meta-boot").run(boot);
    this.reapExpired();
  }

  #holds(compare: Compare): boolean {
    if ("prefix" in compare) return this.#sql.get("kv-any").get(...rangeOf(compare.prefix)) === undefined;
    const row = this.#sql.get("kv-get").get(compare.key);
    if ("is" in compare) return (row !== undefined) === (compare.is === "present");
    if ("createRevision" in compare) return Number(row?.create_revision ?? 0) === compare.createRevision;
    if ("modRevision" in compare) return Number(row?.mod_revision ?? 0) === compare.modRevision;
    if ("lease" in compare) return row !== undefined && row.lease === compare.lease;
    return row !== undefined && row.value === compare.value;
  }

  #requireLease(id: LeaseId): Readonly<Record<string, unknown>> {
    const row = this.#sql.get("lease-get").get(id);
    if (row === undefined) throw leaseGone(id);
    return row;
  }

  #delete(key: string, revision: Revision): void {
    if (Number(this.#sql.get("kv-delete").run(key).changes) === 0) return;
    this.#sql.get("tombstone-put").run(revision, key);
    this.#deletions++;
  }

  /**
   * At least the microseconds since the epoch: `synchronous=NORMAL` may lose the last commits at power loss, and a
   * revision (so a fence) given out before must not come again.
   */
  #nextRevision(): Revision {
    this.#revision = Math.max(this.#revision + 1, Math.floor(this.#clock.now() * 1000));
    this.#changed = true;
    return this.#revision;
  }
}

export function leaseGone(id: LeaseId): DcsError {
  return new DcsError(
    "LEASE_NOT_FOUND",
    `lease ${id} does not exist (it ran out, was revoked, or never was)`,
    {
      details: { lease: id },
    },
  );
}

/** The half-open range of keys that start with `prefix`. */
export function rangeOf(prefix: string): [string, string] {
  return [prefix, prefixEnd(prefix)];
}
