/**
 * What went wrong. `lost`: the connection broke, and it is not known whether what was sent was run. `conflict`: a deadlock
 * or a lock that was not given in time; the transaction may be sent again. `unreachable`: nothing answered in time.
 */
export type MysqlFailure =
  | "unreachable"
  | "lost"
  | "auth"
  | "full"
  | "read-only"
  | "no-database"
  | "no-table"
  | "conflict"
  | "duplicate"
  | "too-large"
  | "other";

/** Numbers of the servers' own errors (MySQL Server Error Message Reference; MariaDB Error Codes). */
const FAILURES: ReadonlyMap<number, MysqlFailure> = new Map<number, MysqlFailure>([
  // Disk full, in words of the server's layers; table full; errors writing a file; binary log cannot be written.
  ...[3, 1021, 1026, 1114, 1030, 3019, 1598].map((n): [number, MysqlFailure] => [n, "full"]),
  // Wrong password, no such user, no right to the database, table, column or command; TLS demanded; account locked.
  ...[1044, 1045, 1142, 1143, 1227, 1370, 1410, 1698, 1820, 1862, 3118, 3159, 4151].map(
    (n): [number, MysqlFailure] => [n, "auth"],
  ),
  // --read-only, super-read-only, a read-only transaction, a read-only InnoDB.
  ...[1290, 1792, 1836, 1874].map((n): [number, MysqlFailure] => [n, "read-only"]),
  [1049, "no-database"],
  [1146, "no-table"],
  // Deadlock, lock wait timeout.
  ...[1205, 1213].map((n): [number, MysqlFailure] => [n, "conflict"]),
  ...[1048, 1062].map((n): [number, MysqlFailure] => [n, "duplicate"]),
  ...[1153, 1301].map((n): [number, MysqlFailure] => [n, "too-large"]),
  // Too many connections, host blocked, a member of a cluster that is not ready.
  ...[1040, 1203, 1226, 1129, 1047].map((n): [number, MysqlFailure] => [n, "unreachable"]),
  // Shutdown, killed, idle for too long.
  ...[1053, 1317, 1927, 1152, 1158, 1159, 1160, 1161, 4031].map((n): [number, MysqlFailure] => [n, "lost"]),
]);

/** A failure of a statement or a connection, without the statement: that holds what others keep to themselves. */
export class MysqlError extends Error {
  override readonly name = "MysqlError";
  readonly failure: MysqlFailure;
  /** The server's number; null where no server spoke. */
  readonly errno: number | null;
  /** URL of the server, without its password, where a connection was opened to one; for people. */
  server: string | null = null;

  constructor(failure: MysqlFailure, message: string, errno: number | null = null) {
    super(message);
    this.failure = failure;
    this.errno = errno;
  }
}

/** No session of a pool became free in time: nothing was sent. */
export class PoolBusyError extends MysqlError {
  constructor() {
    super("unreachable", "every connection was busy for the whole time");
  }
}

/** What mysql2 threw as a MysqlError; `connecting`: nothing was sent yet. */
export function toMysqlError(error: unknown, connecting: boolean): MysqlError {
  if (error instanceof MysqlError) return error;
  if (!(error instanceof Error)) return new MysqlError("other", String(error));
  const { errno, sqlState } = error as Error & { errno?: unknown; sqlState?: unknown };
  // Of an error of the system `errno` is negative, and there is no SQL state.
  if (typeof errno === "number" && typeof sqlState === "string") {
    return new MysqlError(FAILURES.get(errno) ?? failureOf(error.message), error.message, errno);
  }
  const message = error.message || ("code" in error ? String(error.code) : "no reason given");
  return new MysqlError(connecting ? "unreachable" : "lost", message);
}

/** Errors of the storage engine carry the system's own number in their text. */
function failureOf(message: string): MysqlFailure {
  return /No space left on device|Errcode: 28|Disk full|errno: 28/i.test(message) ? "full" : "other";
}

/** True for what MysqlError says of itself. */
export function isMysqlError(error: unknown, ...failures: readonly MysqlFailure[]): error is MysqlError {
  return error instanceof MysqlError && (failures.length === 0 || failures.includes(error.failure));
}
