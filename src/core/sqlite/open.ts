import { chmodSync, existsSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DcsError } from "../errors.ts";
import { type Clock, sleep } from "../util/clock.ts";
import { makeDirectory } from "../util/make-directory.ts";
import { isBusy, toStoreError } from "./errors.ts";
import { networkFilesystemOf } from "./network-filesystem.ts";

export interface OpenOptions {
  /** Written into the file's header; a file with another is not ours. */
  readonly applicationId: number;
  /** Layout version; a file with a higher one is refused (STORE_NEWER). */
  readonly version: number;
  /** Makes the tables in an empty file; runs inside the transaction that claims it. */
  readonly create: (db: DatabaseSync) => void;
  /** `NORMAL`: commits survive a crash of the process, the last ones may be lost at power loss. `FULL`: they are not. */
  readonly synchronous: "NORMAL" | "FULL";
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Opens, or makes, one of dcs's SQLite files: WAL, foreign processes welcome, no busy handler (see WriteQueue).
 * Rejects with STORE_NETWORK_FS, STORE_UNWRITABLE, STORE_CORRUPT, STORE_NEWER, STORE_FULL or STORE_BUSY.
 */
export async function openDatabase(path: string, options: OpenOptions): Promise<DatabaseSync> {
  const directory = dirname(path);
  try {
    makeDirectory(directory);
  } catch (cause) {
    throw new DcsError("STORE_UNWRITABLE", `the directory ${directory} cannot be made`, {
      cause,
      details: { path: directory },
    });
  }
  const network = networkFilesystemOf(directory);
  if (network !== null) {
    throw new DcsError("STORE_NETWORK_FS", `${path} is on ${network}, a network filesystem`, {
      details: { path, filesystem: network },
    });
  }
  const deadline = options.clock.monotonic() + options.timeoutMs;
  for (;;) {
    try {
      return attempt(path, options);
    } catch (error) {
      // Recovery after a crash, and the last close of another process, lock the whole file for a moment.
      if (!isBusy(error) || options.clock.monotonic() >= deadline) throw toStoreError(error, path);
    }
    await sleep(options.clock, 1 + Math.random() * 4);
  }
}

function attempt(path: string, options: OpenOptions): DatabaseSync {
  const isNew = !existsSync(path);
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    if (isNew) chmodSync(path, 0o600);
    const version = pragma(db, "user_version");
    if (version === 0) initialise(db, path, options);
    else check(db, path, version, options);
    db.exec(`PRAGMA synchronous = ${options.synchronous}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function check(db: DatabaseSync, path: string, version: number, options: OpenOptions): void {
  if (pragma(db, "application_id") !== options.applicationId) throw notOurs(path);
  if (version > options.version) {
    throw new DcsError(
      "STORE_NEWER",
      `${path} has format ${version}; this dcs reads formats up to ${options.version}`,
      { details: { path, format: version, supported: options.version } },
    );
  }
}

function initialise(db: DatabaseSync, path: string, options: OpenOptions): void {
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have made the tables since we looked.
    if (pragma(db, "user_version") === 0) {
      const objects = db.prepare("SELECT count(*) AS n FROM sqlite_schema").get();
      if (objects?.n !== 0) throw notOurs(path);
      db.exec(`PRAGMA application_id = ${options.applicationId}`);
      db.exec(`PRAGMA user_version = ${options.version}`);
      options.create(db);
    }
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
  check(db, path, pragma(db, "user_version"), options);
}

function notOurs(path: string): DcsError {
  return new DcsError("STORE_CORRUPT", `${path} is an SQLite file of something else, not a dcs store`, {
    details: { path },
    hint: "give another path: --store embedded:/path/to/file.db",
  });
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}
