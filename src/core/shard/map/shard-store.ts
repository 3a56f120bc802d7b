import type { LeaseId, Store } from "../../store/store.ts";
import { type Clock, systemClock } from "../../util/clock.ts";
import type { BucketOwner, Keyspace, Shard, ShardMap, ShardTable } from "../keyspace.ts";
import type { HeldMove } from "../move/move-record.ts";
import { shardKeys } from "../names.ts";
import { bumpMove, endMove, flipMove, notePhase } from "./held-moves.ts";
import { type HistoryEntry, historyEntrySchema } from "./history-entry.ts";
import { changeKeyspace, createKeyspace, readKeyspace, removeKeyspace } from "./keyspace-changes.ts";
import type { MovePhase } from "./move-phase.ts";
import { moveState, readMoveKeys, readMoves } from "./read-moves.ts";
import { type RouterAck, routerAckSchema } from "./router-ack.ts";
import { readMap, type ShardParts } from "./shard-parts.ts";
import type { KeyspaceState, MoveState, RunnerRef, TakeOver, WantedClaim } from "./shard-state.ts";
import { fromStored, toStored } from "./stored.ts";
import { claimMove, takeOverMove } from "./take-moves.ts";
import { watchMap } from "./watch-map.ts";

export { MoveLost } from "./move-lost.ts";
export { keyspacesOf } from "./shard-parts.ts";
export type { KeyspaceState, MoveState, RunnerRef } from "./shard-state.ts";

/**
 * All that dcs keeps of one keyspace in the coordination store; docs/shards-protocol.md says what the moves' part is for. Every
 * call rejects with the store's DcsErrors, SHARD_STORE_NEWER and SHARD_STORE_INVALID; those of a held move with MoveLost too,
 * when its token is not the present one. A `STORE_UNREACHABLE` from one of them says that nothing was done.
 */
export class ShardStore {
  readonly #parts: ShardParts;

  constructor(store: Store, keyspace: string, clock: Clock = systemClock) {
    this.#parts = { store, name: keyspace, keys: shardKeys(keyspace), clock };
  }

  get name(): string {
    return this.#parts.name;
  }

  /** SHARD_KEYSPACE_UNKNOWN names the keyspaces there are. */
  keyspace(): Promise<KeyspaceState> {
    return readKeyspace(this.#parts);
  }

  /** SHARD_KEYSPACE_EXISTS, SHARD_KEYSPACE_INVALID. */
  create(keyspace: Keyspace, shards: readonly Shard[], owners: readonly BucketOwner[]): Promise<void> {
    return createKeyspace(this.#parts, keyspace, shards, owners);
  }

  /**
   * SHARD_CHANGED when it was changed since `state` was read; SHARD_NOT_EMPTY when a shard that is left out still has buckets, and
   * SHARD_BUSY when one is left out while buckets are on their way.
   */
  change(
    state: KeyspaceState,
    to: { readonly shards?: readonly Shard[]; readonly tables?: readonly ShardTable[] },
  ): Promise<KeyspaceState> {
    return changeKeyspace(this.#parts, state, to);
  }

  /** Removes everything, history too. SHARD_BUSY while buckets are on their way. After a failure it can be run again. */
  remove(): Promise<void> {
    return removeKeyspace(this.#parts);
  }

  map(): Promise<ShardMap> {
    return readMap(this.#parts);
  }

  /**
   * The present map, then each later one; some in between may be left out. Ends when the signal aborts or the store is closed; rejects
   * with SHARD_KEYSPACE_UNKNOWN once the keyspace is removed.
   */
  watchMap(signal: AbortSignal): AsyncIterable<ShardMap> {
    return watchMap(this.#parts, signal);
  }

  /** By bucket, all of one revision. */
  moves(): Promise<readonly MoveState[]> {
    return readMoves(this.#parts);
  }

  async move(bucket: number): Promise<MoveState | null> {
    return moveState(await readMoveKeys(this.#parts, bucket));
  }

  /**
   * SHARD_BUSY where the bucket has a record; SHARD_CHANGED where the map has another owner, or the keyspace no such shard;
   * LEASE_NOT_FOUND; MoveLost where it is not known whether the claim was made.
   */
  claim(want: WantedClaim, runner: RunnerRef): Promise<HeldMove> {
    return claimMove(this.#parts, want, runner);
  }

  /**
   * Null where there is no record any more. SHARD_BUSY when its runner lives, on another lease than this one's, and `force` is not
   * given; SHARD_TOO_LATE for an abort after the flip; LEASE_NOT_FOUND; MoveLost where it is not known whether it was made.
   */
  takeOver(bucket: number, runner: RunnerRef, how: TakeOver): Promise<HeldMove | null> {
    return takeOverMove(this.#parts, bucket, runner, how);
  }

  /** P8, the point of no return. Other buckets' flips only make it try again. */
  async flip(
    held: HeldMove,
    options: { readonly turnRound: boolean },
  ): Promise<{ readonly held: HeldMove; readonly mapRevision: number }> {
    const flipped = await flipMove(this.#parts, held, options.turnRound);
    return { held: flipped, mapRevision: flipped.mapRevision };
  }

  /** A1: map and record go on to E+2. */
  bump(held: HeldMove): Promise<HeldMove> {
    return bumpMove(this.#parts, held);
  }

  /** P13: deletes the record. */
  end(held: HeldMove): Promise<void> {
    return endMove(this.#parts, held);
  }

  /** For people. It ends with the runner's lease; an answer that was lost is no failure. */
  notePhase(held: HeldMove, phase: MovePhase): Promise<void> {
    return notePhase(this.#parts, held, phase);
  }

  /** Replaces the router's earlier one. LEASE_NOT_FOUND. */
  async ack(lease: LeaseId, ack: RouterAck): Promise<void> {
    const { store, keys } = this.#parts;
    await store.txn({ ops: [{ put: keys.acks + lease, value: toStored(ack), lease }] });
  }

  /** Of the routers whose lease lives. */
  async acks(): Promise<readonly (RouterAck & { readonly lease: LeaseId })[]> {
    const { store, keys } = this.#parts;
    const { kvs } = await store.list(keys.acks);
    return kvs.map((kv) => ({ ...fromStored(kv, routerAckSchema), lease: kv.key.slice(keys.acks.length) }));
  }

  async dropAck(lease: LeaseId): Promise<void> {
    const { store, keys } = this.#parts;
    await store.txn({ ops: [{ delete: keys.acks + lease }] });
  }

  /** Written twice, it stands once. */
  async addHistory(entry: HistoryEntry): Promise<void> {
    const { store, keys } = this.#parts;
    const key = `${keys.history}${String(entry.at).padStart(15, "0")}-${entry.id}`;
    await store.txn({ ops: [{ put: key, value: toStored(historyEntrySchema.parse(entry)) }] });
  }

  /** The latest so many, the latest first. */
  async history(limit: number): Promise<readonly HistoryEntry[]> {
    const { store, keys } = this.#parts;
    const { kvs } = await store.list(keys.history, { order: "newest", limit });
    return kvs.map((kv) => fromStored(kv, historyEntrySchema));
  }
}
