import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { ErrorCode } from "../../errors.ts";
import { isBusy } from "../../sqlite/errors.ts";
import { shellQuote } from "../../util/shell-quote.ts";
import { type Finding, fail, ok, unknown } from "../check.ts";

/** quick_check reads the whole file: 1 s for about this much. */
const MAX_BYTES = 256 * 1024 * 1024;

/** What a damaged file means. */
export interface Damage {
  readonly code: ErrorCode;
  /** What to type, given the path as a word of a shell. */
  readonly fix: (file: string) => string;
  /** Why locks kept there are in danger, if any are. */
  readonly weakens?: string;
}

const OF_STORE: Damage = {
  code: "STORE_CORRUPT",
  fix: (file) => `mv ${file} ${file}.damaged   # it holds leases only; dcs makes a new one`,
  weakens: "the store's file is damaged",
};

/** Looks into the file with SQLite's own means, reading only. */
export function examineDatabase(path: string, damage = OF_STORE): readonly Finding[] {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 1000 });
  try {
    return [examineJournal(db, path), examineIntegrity(db, path, damage)];
  } catch (error) {
    if (!isBusy(error)) throw error;
    return [unknown("integrity", "another process kept the file locked for a second")];
  } finally {
    db.close();
  }
}

function examineJournal(db: DatabaseSync, path: string): Finding {
  const mode = pragma(db, "journal_mode");
  if (mode === "wal") return ok("journal-mode", "wal", { mode });
  return fail(
    "journal-mode",
    `${mode}: readers and writers stop each other, and a crash may lose more than the last commits`,
    `sqlite3 ${shellQuote(path)} 'PRAGMA journal_mode = WAL'`,
    { data: { mode } },
  );
}

function examineIntegrity(db: DatabaseSync, path: string, damage: Damage): Finding {
  const { size } = statSync(path);
  const file = shellQuote(path);
  if (size > MAX_BYTES) {
    return unknown(
      "integrity",
      `${path} is too large to look through here`,
      `sqlite3 ${file} 'PRAGMA quick_check'`,
    );
  }
  const found = pragma(db, "quick_check(1)");
  if (found === "ok") return ok("integrity", "quick_check finds nothing", { bytes: size });
  return fail("integrity", `quick_check: ${found}`, damage.fix(file), {
    data: { error: damage.code, bytes: size },
    ...(damage.weakens === undefined ? {} : { weakens: damage.weakens }),
  });
}

function pragma(db: DatabaseSync, name: string): string {
  return String(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
}
