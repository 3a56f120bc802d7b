import { DcsError } from "../errors.ts";

/** Primary result codes, https://sqlite.org/rescode.html. */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const AUTH_PERM = 3;
const NOTADB = 26;

interface SqliteFailure extends Error {
  readonly errcode: number;
}

function isSqliteFailure(error: unknown): error is SqliteFailure {
  return error instanceof Error && "errcode" in error && typeof error.errcode === "number";
}

/** True when another connection holds the lock that was asked for: try again. */
export function isBusy(error: unknown): boolean {
  if (!isSqliteFailure(error)) return false;
  const primary = error.errcode & 0xff;
  return primary === BUSY || primary === LOCKED;
}

/** What SQLite threw, as the DcsError an operator can act on; anything else is passed through. */
export function toStoreError(error: unknown, path: string): unknown {
  if (!isSqliteFailure(error)) return error;
  const options = { cause: error, details: { path, sqlite: error.errcode } };
  switch (error.errcode & 0xff) {
    case BUSY:
    case LOCKED:
      return new DcsError(
        "STORE_BUSY",
        `the embedded store ${path} stayed locked by another process`,
        options,
      );
    case READONLY:
    case CANTOPEN:
    case AUTH_PERM:
      return new DcsError(
        "STORE_UNWRITABLE",
        `the embedded store ${path} cannot be opened for writing`,
        options,
      );
    case FULL:
      return new DcsError("STORE_FULL", `no room left to write the embedded store ${path}`, options);
    case IOERR:
      return new DcsError(
        "STORE_FULL",
        `the system refused to read or write the embedded store ${path} (disk full, file size limit, or a failing disk)`,
        options,
      );
    case CORRUPT:
    case NOTADB:
      return new DcsError("STORE_CORRUPT", `${path} is damaged, or is not a dcs store`, options);
    default:
      return error;
  }
}
