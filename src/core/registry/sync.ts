import {
  type CallOptions,
  type Compare,
  type LeaseId,
  MAX_TXN_OPS,
  type Op,
  type Store,
} from "../store/store.ts";
import { type Entry, isPending, type Place, planMove } from "./entry.ts";

/** Transactions under way at once: the store may commit them together, or answer them while others travel. */
const IN_FLIGHT = 32;

/**
 * Moves entries to where they should stand, many a transaction. True when all of them moved; false when one met a key
 * that is not as we know it, and the caller has to look (`observe`) before it tries again.
 */
export async function moveEntries(
  store: Store,
  lease: LeaseId,
  entries: readonly Entry[],
  options: CallOptions,
): Promise<boolean> {
  const queue = batches(entries, lease);
  let clean = true;
  const worker = async () => {
    for (const batch of queue) clean = (await moveBatch(store, lease, batch, options)) && clean;
  };
  // The generator is shared: each worker takes the next batch.
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return clean;
}

async function moveBatch(store: Store, lease: LeaseId, batch: Batch, options: CallOptions): Promise<boolean> {
  const { compares, ops, moves } = batch;
  const { succeeded, revision } = await store.txn({ compares, ops }, options);
  if (!succeeded) {
    if (moves.length === 1) return false;
    // One foreign key must not hold up the others of its batch: each half is tried for itself.
    const entries = moves.map((move) => move.entry);
    const half = Math.ceil(entries.length / 2);
    const first = await moveEntries(store, lease, entries.slice(0, half), options);
    const second = await moveEntries(store, lease, entries.slice(half), options);
    return first && second;
  }
  for (const { entry, to, detail } of moves) {
    entry.at = to;
    entry.writtenDetail = detail;
    entry.revision = revision;
    entry.takenBy = null;
  }
  return true;
}

interface Batch {
  readonly compares: Compare[];
  readonly ops: Op[];
  /** `want` may change while the transaction is under way, so what was asked for is kept. */
  readonly moves: { readonly entry: Entry; readonly to: Place; readonly detail: string | null }[];
}

function* batches(entries: readonly Entry[], lease: LeaseId): Generator<Batch, undefined> {
  let batch: Batch = { compares: [], ops: [], moves: [] };
  for (const entry of entries) {
    if (!isPending(entry)) continue;
    const { compares, ops } = planMove(entry, lease);
    if (batch.ops.length + ops.length > MAX_TXN_OPS) {
      yield batch;
      batch = { compares: [], ops: [], moves: [] };
    }
    batch.compares.push(...compares);
    batch.ops.push(...ops);
    batch.moves.push({ entry, to: entry.want, detail: entry.detail });
  }
  if (batch.moves.length > 0) yield batch;
}
