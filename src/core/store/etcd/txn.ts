import type { IRequestOp, ITxnResponse } from "etcd3";
import { isDcsError } from "../../errors.ts";
import type { Clock } from "../../util/clock.ts";
import type { Compare, LeaseId, Op, Revision, TxnRequest, TxnResult } from "../store.ts";
import type { Cluster, Scope } from "./cluster.ts";
import { fromApi, type Keyspace, toApi } from "./codec.ts";
import { leaseRecordKey, newLeaseRecord } from "./lease-record.ts";
import type { Granted, Leases } from "./leases.ts";
import { RpcFailure } from "./rpc-failure.ts";
import { leaseGone, toStoreError } from "./store-errors.ts";

export interface TxnParts {
  readonly cluster: Cluster;
  readonly keys: Keyspace;
  readonly leases: Leases;
  readonly clock: Clock;
}

/**
 * One transaction of the port: its lease first, then all changes at once, then the end of a lease; the new lease's record
 * travels with the changes. A lease made for a transaction that then fails is revoked.
 */
export async function runTxn(parts: TxnParts, request: TxnRequest, scope: Scope): Promise<TxnResult> {
  const { leases, cluster } = parts;
  if (request.grant === undefined) return runWithout(parts, request, scope);
  const granted = await leases.make(request.grant, scope);
  const { compares, ops } = withRecord(request, granted, parts.clock.now());
  // Nobody will hear of this lease; where it cannot be revoked, it ends with its TTL.
  const forget = () => (granted.isNew ? leases.revoke(granted.id, cluster.scope()).catch(() => false) : null);
  try {
    const result = await settle(parts, compares, ops, scope);
    if (!result.succeeded) await forget();
    else await endLease(parts, request.revoke);
    return result;
  } catch (error) {
    // Where the outcome is unknown, this decides it once it arrives: the changes are refused without their lease, or go
    // with it. There is no time left to wait for it then, and none after an abort.
    const forgotten = forget();
    if (isDcsError(error) && error.code !== "STORE_UNREACHABLE") await forgotten;
    throw error;
  }
}

/** A transaction that makes no lease. */
async function runWithout(parts: TxnParts, request: TxnRequest, scope: Scope): Promise<TxnResult> {
  const { compares = [], ops, revoke } = request;
  const result = await settle(parts, compares, ops, scope, { endsLease: revoke !== undefined });
  if (result.succeeded) await endLease(parts, revoke);
  return result;
}

/** The step is made whatever becomes of this; a lease that cannot be ended now ends with its TTL. */
async function endLease({ leases, cluster }: TxnParts, lease: LeaseId | undefined): Promise<void> {
  if (lease !== undefined) await leases.revoke(lease, cluster.scope()).catch(() => false);
}

/** The request with the lease's record among its changes. A new lease has none yet: whoever sees it there, we were. */
function withRecord(
  { compares = [], ops, grant }: TxnRequest,
  { id, isNew }: Granted,
  now: number,
): { readonly compares: readonly Compare[]; readonly ops: readonly Op[] } {
  if (grant === undefined) return { compares, ops };
  const key = leaseRecordKey(id);
  return {
    compares: isNew ? [...compares, { key, is: "absent" }] : compares,
    ops: [...ops, { put: key, value: JSON.stringify(newLeaseRecord(grant, now)), lease: id }],
  };
}

/**
 * Runs a transaction at most once, and finds out what became of one whose answer was lost.
 *
 * Not sent: sent again. Lost: the keys it puts on leases are read; where they stand exactly as it puts them, since a
 * revision after it was sent, it was made. A transaction that undoes a compare of its own is sent again together with that
 * look: it cannot be made twice. Any other is not, and where the look shows nothing the outcome stays unknown. One that
 * ends a lease of the caller's own and finds its compares undone was made: nobody else does that.
 */
async function settle(
  { cluster, keys }: TxnParts,
  compares: readonly Compare[],
  ops: readonly Op[],
  scope: Scope,
  { endsLease = false }: { readonly endsLease?: boolean } = {},
): Promise<TxnResult> {
  const plan = {
    compare: compares.map((one) => keys.toCompare(one)),
    success: ops.map((op) => keys.toRequestOp(op)),
  };
  const look = proofs(plan.success);
  const isGuarded = compares.some((compare) => ops.some((op) => undoes(op, compare)));
  const floor = cluster.revision;
  let lost: unknown = null;
  for (let count = 0; ; count++) {
    try {
      if (lost === null) {
        const { succeeded, header } = await cluster.attempt("txn", plan, scope);
        return { succeeded, revision: Number(header.revision) };
      }
      const reads = look.map(toRead);
      const again = isGuarded ? { ...plan, failure: reads } : { compare: [], success: reads };
      const answer = await cluster.attempt("txn", again, scope);
      if (isGuarded && answer.succeeded) return { succeeded: true, revision: Number(answer.header.revision) };
      if (isGuarded && endsLease) return { succeeded: true, revision: Number(answer.header.revision) };
      const made = provenAt(look, answer, floor);
      if (made !== null) return { succeeded: true, revision: made };
    } catch (error) {
      if (error instanceof RpcFailure && error.isLeaseGone) throw leaseGone(leaseOf(plan.success), error);
      if (ops.length > 0 && error instanceof RpcFailure && error.outcome === "unknown") lost ??= error;
      if (await cluster.pause(error, count, scope)) continue;
      if (lost === null) throw toStoreError(error, cluster.facts);
    }
    scope.signal?.throwIfAborted();
    throw toStoreError(lost, cluster.facts, "unknown");
  }
}

/** True when the operation makes the compare false for good, so that both together cannot happen twice. */
function undoes(op: Op, compare: Compare): boolean {
  const key = "put" in op ? op.put : op.delete;
  if ("prefix" in compare) return key.startsWith(compare.prefix) && "put" in op && op.lease !== undefined;
  if (key !== compare.key) return false;
  const onLease = "put" in op && op.lease !== undefined;
  if ("is" in compare) return compare.is === "absent" && onLease;
  if ("modRevision" in compare) return compare.modRevision > 0 || onLease;
  if ("createRevision" in compare) return compare.createRevision > 0 ? "delete" in op : onLease;
  return false;
}

interface Proof {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly lease: string;
}

/** What shows that a transaction was made: its puts on leases, which nobody else writes with these values. */
function proofs(ops: readonly IRequestOp[]): readonly Proof[] {
  return ops.flatMap(({ request_put: put }) =>
    put?.key === undefined || put.value === undefined || put.lease === undefined
      ? []
      : [{ key: put.key, value: put.value, lease: String(put.lease) }],
  );
}

function toRead({ key }: Proof): IRequestOp {
  return { request_range: { key } };
}

/** The revision at which all of them were put together, after `floor`; null where that is not to be seen. */
function provenAt(look: readonly Proof[], answer: ITxnResponse, floor: Revision): Revision | null {
  const revisions = new Set<string | null>();
  for (const [i, proof] of look.entries()) {
    const kv = answer.responses[i]?.response_range?.kvs[0];
    const stands = kv !== undefined && kv.lease === proof.lease && kv.value.equals(proof.value);
    revisions.add(stands ? kv.mod_revision : null);
  }
  const [revision = null] = revisions;
  return revisions.size === 1 && revision !== null && Number(revision) > floor ? Number(revision) : null;
}

function leaseOf(ops: readonly IRequestOp[]): LeaseId {
  return fromApi(proofs(ops)[0]?.lease ?? toApi("0"));
}
