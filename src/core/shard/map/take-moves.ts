import { DcsError } from "../../errors.ts";
import type { Compare, Op, Revision } from "../../store/store.ts";
import type { ShardMap } from "../keyspace.ts";
import type { HeldMove, MoveRecord } from "../move/move-record.ts";
import { readKeyspace } from "./keyspace-changes.ts";
import { isAnswerLost } from "./lost-answer.ts";
import { MoveLost } from "./move-lost.ts";
import { type MoveKeys, moveState, readMoveKeys } from "./read-moves.ts";
import { again, readMap, type ShardParts } from "./shard-parts.ts";
import type { MoveState, RunnerRef, TakeOver, WantedClaim } from "./shard-state.ts";
import { invalidStored, toStored } from "./stored.ts";

/**
 * Claim: there is no record, and the map has the bucket at `src` → a record with a new token.
 * SHARD_BUSY where there is a record; SHARD_CHANGED where the map has another owner, or the keyspace no such shard;
 * LEASE_NOT_FOUND. MoveLost where the answer was lost and the claim is not to be seen: it may still come.
 */
export async function claimMove(parts: ShardParts, want: WantedClaim, runner: RunnerRef): Promise<HeldMove> {
  const { keys, clock } = parts;
  const { bucket, src, dst, plan } = want;
  for (let tried = 0; ; tried++) {
    const [present, state, map] = await Promise.all([
      readMoveKeys(parts, bucket),
      readKeyspace(parts),
      readMap(parts),
    ]);
    const there = moveState(present);
    if (there !== null) throw busy(parts, there);
    const owner = map.owners[bucket];
    const missing = [src, dst].find((name) => !state.shards.some((shard) => shard.name === name));
    if (missing !== undefined || src === dst || owner?.shard !== src) {
      const why =
        owner?.shard !== src
          ? `bucket ${bucket} is at ${owner?.shard ?? "no shard"}, not at ${src}`
          : `bucket ${bucket} cannot go from ${src} to ${dst}: ${missing === undefined ? "it is there" : `there is no shard ${missing}`}`;
      throw new DcsError("SHARD_CHANGED", `keyspace ${parts.name}: ${why}`, {
        details: { keyspace: parts.name, ...want, owner: owner?.shard ?? null },
      });
    }
    const record: MoveRecord = {
      bucket,
      src,
      dst,
      epoch: owner.epoch,
      intent: "move",
      isReverse: false,
      plan,
      startedAt: clock.now(),
    };
    const token = await take(parts, bucket, runner, {
      compares: [
        { key: keys.record(bucket), is: "absent" },
        { key: keys.runner(bucket), is: "absent" },
        { key: keys.keyspace, modRevision: state.revision },
        { key: keys.map, modRevision: map.revision },
      ],
      ops: [{ put: keys.record(bucket), value: toStored(record) }],
    });
    if (token !== null) return held(parts, record, token, runner, map);
    await again(parts, tried);
  }
}

/**
 * Takeover: the same record with a new token, which ends all that the runner before it has under way in the store. Null where there is no
 * record any more. SHARD_BUSY when its runner lives, unless it is on the same lease or `force` is given; SHARD_TOO_LATE for an abort
 * after the flip; LEASE_NOT_FOUND. MoveLost where the answer was lost and the takeover is not to be seen: it may still come.
 */
export async function takeOverMove(
  parts: ShardParts,
  bucket: number,
  runner: RunnerRef,
  how: TakeOver,
): Promise<HeldMove | null> {
  const { keys } = parts;
  for (let tried = 0; ; tried++) {
    const [present, map] = await Promise.all([readMoveKeys(parts, bucket), readMap(parts)]);
    const there = moveState(present);
    if (there === null || present.record === undefined) return null;
    if (there.runner !== null && there.runner.lease !== runner.lease && !how.force) throw busy(parts, there);
    const record: MoveRecord = how.intent === "abort" ? { ...there.record, intent: "abort" } : there.record;
    // What was read is of two revisions, until the store says that all of it still stands.
    const compares: readonly Compare[] = [
      { key: keys.record(bucket), modRevision: present.record.modRevision },
      sameRunner(keys.runner(bucket), present),
      { key: keys.map, modRevision: map.revision },
    ];
    if (how.intent === "abort" && isFlippedIn(map, record) === true) {
      if ((await parts.store.txn({ compares, ops: [] })).succeeded) throw tooLate(parts, record);
      await again(parts, tried);
      continue;
    }
    const isChanged = record.intent !== there.record.intent;
    const token = await take(parts, bucket, runner, {
      compares,
      ops: isChanged ? [{ put: keys.record(bucket), value: toStored(record) }] : [],
    });
    if (token !== null) return held(parts, record, token, runner, map);
    await again(parts, tried);
  }
}

/** The new token; null when the compares do not hold. */
async function take(
  parts: ShardParts,
  bucket: number,
  { id, lease, host, pid }: RunnerRef,
  request: { readonly compares: readonly Compare[]; readonly ops: readonly Op[] },
): Promise<Revision | null> {
  const key = parts.keys.runner(bucket);
  const value = toStored({ id, host, pid });
  try {
    const { succeeded, revision } = await parts.store.txn({
      compares: request.compares,
      ops: [...request.ops, { put: key, value, lease }],
    });
    return succeeded ? revision : null;
  } catch (error) {
    if (!isAnswerLost(error)) throw error;
    const kv = await parts.store.get(key).catch(() => null);
    if (kv?.value === value && kv.lease === lease) return kv.modRevision;
    throw new MoveLost(bucket, "the store's answer to the runner that takes it was lost", error);
  }
}

function held(
  { keys }: ShardParts,
  record: MoveRecord,
  token: Revision,
  runner: RunnerRef,
  map: ShardMap,
): HeldMove {
  const isFlipped = isFlippedIn(map, record);
  if (isFlipped === null) {
    const owner = map.owners[record.bucket];
    throw invalidStored(
      keys.record(record.bucket),
      `it is a move from ${record.src}@${record.epoch} to ${record.dst}, and the map says ${owner?.shard}@${owner?.epoch}`,
    );
  }
  return {
    record,
    token,
    isFlipped,
    mapEpoch: isFlipped ? record.epoch + 1 : record.epoch,
    mapRevision: map.revision,
    lease: runner.lease,
  };
}

/** Null where the map has the bucket neither at the source nor at the destination as the record says. */
function isFlippedIn(map: ShardMap, { bucket, src, dst, epoch }: MoveRecord): boolean | null {
  const owner = map.owners[bucket];
  if (owner?.shard === src && owner.epoch === epoch) return false;
  return owner?.shard === dst && owner.epoch === epoch + 1 ? true : null;
}

function sameRunner(key: string, { runner }: MoveKeys): Compare {
  return runner === undefined ? { key, is: "absent" } : { key, modRevision: runner.modRevision };
}

function busy({ name }: ShardParts, { record, runner }: MoveState): DcsError {
  const { bucket, src, dst } = record;
  const who = runner === null ? "nobody runs it now" : `run by process ${runner.pid} on ${runner.host}`;
  return new DcsError(
    "SHARD_BUSY",
    `bucket ${bucket} of keyspace ${name} is on its way from ${src} to ${dst}, ${who}`,
    {
      details: { keyspace: name, bucket, src, dst, runner },
      ...(runner === null ? { hint: `go on with it: \`dcs shard resume\`` } : {}),
    },
  );
}

function tooLate({ name }: ShardParts, { bucket, src, dst }: MoveRecord): DcsError {
  return new DcsError(
    "SHARD_TOO_LATE",
    `bucket ${bucket} of keyspace ${name} is at ${dst} already: its move from ${src} can only be finished`,
    { details: { keyspace: name, bucket, src, dst } },
  );
}
