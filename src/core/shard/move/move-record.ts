import type { LeaseId, Revision } from "../../store/store.ts";

/**
 * One bucket on its way, as the store has it. Only a claim, a takeover, a flip and an abort write it; docs/shards-protocol.md
 * says when. Who runs it is another key, on the runner's lease.
 */
export interface MoveRecord {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
  /** The map's, until the flip. */
  readonly epoch: number;
  /** From `move` to `abort`, never back. */
  readonly intent: "move" | "abort";
  /** True once a move with a reverse window was turned round by its flip. */
  readonly isReverse: boolean;
  /** What the operator asked for when it was claimed: id of the rebalance, and how. */
  readonly plan: string;
  /** Epoch ms of the claim; of a reverse window, of its flip. */
  readonly startedAt: number;
}

/** A move in the hands of one runner. */
export interface HeldMove {
  readonly record: MoveRecord;
  /** The store's revision of the claim or takeover: greater than every earlier one's. */
  readonly token: number;
  /** Whether the map already had the destination as owner, in the same revision. */
  readonly isFlipped: boolean;
  /** The map's epoch of the bucket in that revision. */
  readonly mapEpoch: number;
  /** A revision of the map in which the bucket had that epoch: routers that acknowledged it, or a later one, know it. */
  readonly mapRevision: Revision;
  /** The runner's lease. */
  readonly lease: LeaseId;
}
