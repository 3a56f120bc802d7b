import { DcsError, type ErrorCode } from "../../errors.ts";
import { isMysqlError, type MysqlFailure, PoolBusyError } from "../../mysql/mysql-error.ts";

/** What is said of a failure; its own text follows. `other` and what is missing: the statement is wrong. */
const SAYINGS: Partial<Record<MysqlFailure, { readonly code: ErrorCode; readonly say: string }>> = {
  unreachable: { code: "SHARD_UNREACHABLE", say: "does not answer" },
  lost: { code: "SHARD_UNREACHABLE", say: "broke the connection; the transaction did nothing" },
  auth: { code: "SHARD_AUTH", say: "refuses access" },
  full: { code: "SHARD_UNWRITABLE", say: "has no room" },
  "read-only": { code: "SHARD_UNWRITABLE", say: "is read-only" },
  conflict: { code: "SHARD_CONTENDED", say: "could not give a lock" },
  duplicate: { code: "SHARD_CONSTRAINT", say: "has a row in the way" },
};

/** Violated constraints beside duplicates: foreign keys, CHECK. */
const CONSTRAINTS = [1216, 1217, 1451, 1452, 3819, 4025];

/** A MysqlError of a shard as what a caller sees, with the server's number in `details.errno`; anything else as it is. */
export function serverError(error: unknown, shard: string): unknown {
  if (!isMysqlError(error)) return error;
  const { failure, errno, message } = error;
  const details = { shard, ...(errno !== null && { errno }) };
  if (error instanceof PoolBusyError) {
    return new DcsError("SHARD_POOL_EXHAUSTED", `${message}, of those to shard ${shard}`, {
      cause: error,
      details,
    });
  }
  const isConstraint = errno !== null && CONSTRAINTS.includes(errno);
  const { code, say } = (isConstraint ? SAYINGS.duplicate : SAYINGS[failure]) ?? {
    code: "SHARD_STATEMENT_FAILED" as const,
    say: "refused the statement",
  };
  return new DcsError(code, `shard ${shard} ${say}: ${message}`, { cause: error, details });
}
