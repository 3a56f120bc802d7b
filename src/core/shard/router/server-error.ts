import { DcsError, type ErrorCode } from "../../errors.ts";
import { isMysqlError, PoolBusyError } from "../../mysql/mysql-error.ts";
import { PRIMARY_NULL_ERRNO } from "../names.ts";
import { type ShardPlace, toShardError } from "../shard-error.ts";

/** Violated constraints beside duplicates and NULL: foreign keys, CHECK. */
const CONSTRAINTS = [1216, 1217, 1451, 1452, 3819, 4025, PRIMARY_NULL_ERRNO];

/** A MysqlError of a shard as what a caller sees, with the server's number in `details.errno`; anything else as it is. */
export function serverError(error: unknown, place: ShardPlace): unknown {
  if (!isMysqlError(error)) return error;
  const { failure, errno, message } = error;
  const say = (code: ErrorCode, text: string) =>
    new DcsError(code, `shard ${place.shard}${text}`, {
      cause: error,
      details: { shard: place.shard, ...(errno !== null && { errno }) },
    });
  if (error instanceof PoolBusyError) return say("SHARD_POOL_EXHAUSTED", `: ${message}`);
  if (failure === "duplicate" || (errno !== null && CONSTRAINTS.includes(errno))) {
    return say("SHARD_CONSTRAINT", ` has something against it: ${message}`);
  }
  if (failure === "conflict") return say("SHARD_CONTENDED", ` could not give a lock: ${message}`);
  if (failure === "other" || failure === "no-table" || failure === "too-large") {
    return say("SHARD_STATEMENT_FAILED", ` refused the statement: ${message}`);
  }
  return toShardError(error, place);
}
