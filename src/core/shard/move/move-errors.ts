import { DcsError, type ErrorCode, isDcsError } from "../../errors.ts";
import { isMysqlError, type MysqlError } from "../../mysql/mysql-error.ts";
import { type ShardPlace, toShardError } from "../shard-error.ts";
import type { Move } from "./move.ts";
import type { MoveRecord } from "./move-record.ts";
import { keyTaken } from "./other-bucket.ts";
import type { Side } from "./side.ts";

/** The signal was seen at a safe point: nothing is wrong, and the move may be gone on with. */
export class Stopped extends Error {}

/** A test ended the run as if its process had died. */
export class Died extends Error {}

/** The fence's lock was not had, or not to its end. Applications go on; the step is made over, with the same token. */
export class FenceMissed extends Error {}

/** A server is another one than when this attempt began: a failover. */
export class ServerChanged extends Error {}

/** A table was changed: what was copied by its old columns counts for nothing. */
export class SchemaChanged extends Error {}

/** A shard's server could not be connected to. */
export class ShardFailed extends Error {
  readonly place: ShardPlace;

  constructor(place: ShardPlace, cause: MysqlError) {
    super(cause.message, { cause });
    this.place = place;
  }
}

/** What no new attempt mends: a person has to do something first. */
const FINAL: readonly ErrorCode[] = [
  "SHARD_STATE",
  "SHARD_SCHEMA_DIFFERS",
  "SHARD_SCHEMA_UNSUITABLE",
  "SHARD_PAUSE_BUDGET",
  "SHARD_INCONSISTENT",
  "SHARD_ROW_TOO_LARGE",
  "SHARD_CHANGED",
  "SHARD_STORE_NEWER",
  "SHARD_STORE_INVALID",
  "SHARD_KEYSPACE_UNKNOWN",
  "PERMISSION_DENIED",
  "URL_INVALID",
];

/** True when a new attempt would end the same. */
export function isFinal(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  // A right that was taken away. A disk may be emptied, and a server come back.
  if (isMysqlError(error, "auth")) return true;
  if (error instanceof ShardFailed) return isMysqlError(error.cause, "auth", "no-database", "no-table");
  return isDcsError(error) && FINAL.includes(error.code);
}

/** Why a move does not go on, for people. `places`: its shards, by whose URLs a server's failure is known. */
export function sayFailure(
  reason: unknown,
  move: Pick<MoveRecord, "bucket" | "src" | "dst">,
  places: readonly ShardPlace[] = [],
): DcsError {
  if (isDcsError(reason)) return reason;
  const taken = keyTaken(reason, move);
  if (taken !== null) return taken;
  const failed = reason instanceof ShardFailed ? reason : failedAt(reason, places);
  if (failed !== null) {
    const error = toShardError(failed.cause, failed.place);
    if (isDcsError(error) && error.code !== "UNEXPECTED") return error;
  }
  const { bucket, src, dst } = move;
  const why = reason instanceof Error ? reason.message : String(reason);
  return new DcsError("SHARD_MOVE_STUCK", `bucket ${bucket} cannot go on from ${src} to ${dst}: ${why}`, {
    cause: reason,
    details: { bucket, src, dst, why },
  });
}

/** What a server said in the middle of a move. */
function failedAt(reason: unknown, places: readonly ShardPlace[]): ShardFailed | null {
  if (!isMysqlError(reason)) return null;
  const place = places.find(({ shown }) => shown === reason.server);
  return place === undefined ? null : new ShardFailed(place, reason);
}

/** A row that the protocol does not lead to: nothing is changed, and a person has to look at it. */
export function refuseRow(move: Move, side: Side, why: string): DcsError {
  const { bucket } = move.record;
  const { state, epoch } = side.seen;
  const { name } = side.shard;
  const shown = `${state}@${epoch}`;
  return new DcsError("SHARD_STATE", `bucket ${bucket} is ${shown} on shard ${name}, where ${why}`, {
    details: { bucket, shard: name, state, epoch, mapEpoch: move.held.mapEpoch },
  });
}

/** The cut was tried too often. */
export function overBudget(move: Move, error: FenceMissed): DcsError {
  const { bucket } = move.record;
  const { maxPauseMs } = move.deps.options;
  return new DcsError(
    "SHARD_PAUSE_BUDGET",
    `bucket ${bucket} could not be cut over within ${maxPauseMs} ms, tried ${move.cuts} times: ${error.message}`,
    { cause: error, details: { bucket, maxPauseMs, tries: move.cuts, why: error.message } },
  );
}
