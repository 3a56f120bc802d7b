import { isDcsError } from "../../errors.ts";
import type { Compare, Op, Revision } from "../../store/store.ts";
import type { BucketOwner } from "../keyspace.ts";
import type { HeldMove, MoveRecord } from "../move/move-record.ts";
import { isAnswerLost } from "./lost-answer.ts";
import { isSameOwner } from "./map-text.ts";
import { MoveLost } from "./move-lost.ts";
import type { MovePhase } from "./move-phase.ts";
import { readMoveKeys } from "./read-moves.ts";
import { again, readMap, type ShardParts, storedMap } from "./shard-parts.ts";
import { toStored } from "./stored.ts";

/** What the runner of a move does in the store. Each compares its token; MoveLost when that is not the present one. */

/** P8: the map goes from `src@E` to `dst@E+1`; `turnRound` makes it an ordinary move back, for a reverse window. */
export async function flipMove(parts: ShardParts, held: HeldMove, turnRound: boolean): Promise<HeldMove> {
  const { record } = held;
  if (record.intent !== "move")
    throw new Error(`bucket ${record.bucket}: a move that is taken back does not flip`);
  if (turnRound && record.isReverse) throw new Error(`bucket ${record.bucket}: a move back has no window`);
  const { src, dst, epoch } = record;
  const next = { shard: dst, epoch: epoch + 1 };
  const turned: MoveRecord = {
    ...{ ...record, src: dst, dst: src, epoch: next.epoch, isReverse: true },
    // How long the window is open counts from here.
    startedAt: parts.clock.now(),
  };
  const mapRevision = await changeMap(parts, held, { shard: src, epoch }, next, turnRound ? turned : null);
  return {
    ...held,
    record: turnRound ? turned : record,
    isFlipped: !turnRound,
    mapEpoch: next.epoch,
    mapRevision,
  };
}

/** A1: the map and the record go from E to E+2, the owner stays. */
export async function bumpMove(parts: ShardParts, held: HeldMove): Promise<HeldMove> {
  const { record } = held;
  if (record.intent !== "abort")
    throw new Error(`bucket ${record.bucket}: only an abort leaves an epoch out`);
  const { src, epoch } = record;
  const next: MoveRecord = { ...record, epoch: epoch + 2 };
  const to = { shard: src, epoch: next.epoch };
  const mapRevision = await changeMap(parts, held, { shard: src, epoch }, to, next);
  return { ...held, record: next, isFlipped: false, mapEpoch: next.epoch, mapRevision };
}

/** P13: no record any more. */
export async function endMove(parts: ShardParts, held: HeldMove): Promise<void> {
  const { keys } = parts;
  const { bucket } = held.record;
  try {
    await guarded(parts, held, [
      { delete: keys.record(bucket) },
      { delete: keys.runner(bucket) },
      { delete: keys.phase(bucket) },
    ]);
  } catch (error) {
    if (!(error instanceof AnswerLost)) throw error;
    const there = await readMoveKeys(parts, bucket).catch(() => null);
    if (there === null || there.record !== undefined) throw lostAnswer(held, error);
  }
}

/** Says where the move stands, on the runner's lease. */
export async function notePhase(parts: ShardParts, held: HeldMove, phase: MovePhase): Promise<void> {
  try {
    const put = parts.keys.phase(held.record.bucket);
    await guarded(parts, held, [{ put, value: toStored(phase), lease: held.lease }]);
  } catch (error) {
    // It stands there or it does not: the next one will.
    if (!(error instanceof AnswerLost)) throw error;
  }
}

/** Gives the bucket another owner; `record` is written in the same step. The map's revision, or a later one that has it. */
async function changeMap(
  parts: ShardParts,
  held: HeldMove,
  from: BucketOwner,
  to: BucketOwner,
  record: MoveRecord | null,
): Promise<Revision> {
  const { keys } = parts;
  const { bucket } = held.record;
  for (let tried = 0; ; tried++) {
    const map = await readMap(parts);
    if (!isSameOwner(map.owners[bucket], from)) {
      // Nobody but the holder of the token changes it: an answer was lost, and the change was made.
      const made = await madeAt(parts, held, to);
      if (made !== null) return made;
      throw new MoveLost(bucket, "the map has another owner");
    }
    const value = storedMap(map.owners.with(bucket, to));
    const unchanged: Compare = { key: keys.map, modRevision: map.revision };
    const ops: readonly Op[] = [
      { put: keys.map, value },
      ...(record === null ? [] : [{ put: keys.record(bucket), value: toStored(record) }]),
    ];
    try {
      const revision = await guarded(parts, held, ops, unchanged);
      if (revision !== null) return revision;
    } catch (error) {
      if (!(error instanceof AnswerLost)) throw error;
      const made = await madeAt(parts, held, to).catch(() => null);
      if (made !== null) return made;
      throw lostAnswer(held, error);
    }
    await again(parts, tried);
  }
}

/** A revision of the map in which the bucket has that owner while the token is still ours; null where it is not so. */
async function madeAt(parts: ShardParts, held: HeldMove, to: BucketOwner): Promise<Revision | null> {
  const map = await readMap(parts);
  return isSameOwner(map.owners[held.record.bucket], to) && (await isHeld(parts, held)) ? map.revision : null;
}

/** A token that is gone never comes back: what was read before this was read under it. */
async function isHeld({ store, keys }: ShardParts, { record, token }: HeldMove): Promise<boolean> {
  return (await store.get(keys.runner(record.bucket)))?.modRevision === token;
}

/** A transaction under the token. Null when only `also` did not hold; AnswerLost when nobody knows. */
async function guarded(
  parts: ShardParts,
  held: HeldMove,
  ops: readonly Op[],
  also?: Compare,
): Promise<Revision | null> {
  const { bucket } = held.record;
  const mine: Compare = { key: parts.keys.runner(bucket), modRevision: held.token };
  try {
    const compares = also === undefined ? [mine] : [mine, also];
    const { succeeded, revision } = await parts.store.txn({ compares, ops });
    if (succeeded) return revision;
  } catch (error) {
    if (isDcsError(error, "LEASE_NOT_FOUND"))
      throw new MoveLost(bucket, "the runner's lease has ended", error);
    if (!isAnswerLost(error)) throw error;
    throw new AnswerLost("the store's answer was lost", { cause: error });
  }
  if (also !== undefined && (await isHeld(parts, held))) return null;
  throw new MoveLost(bucket, "another runner has it, or the runner's lease has ended");
}

class AnswerLost extends Error {}

function lostAnswer({ record }: HeldMove, error: AnswerLost): MoveLost {
  return new MoveLost(record.bucket, error.message, error.cause);
}
