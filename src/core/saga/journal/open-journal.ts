import { DcsError } from "../../errors.ts";
import { embeddedPath } from "../../sqlite/embedded-path.ts";
import { type Clock, systemClock } from "../../util/clock.ts";
import { redact } from "../../util/redact.ts";
import type { Journal } from "./journal.ts";

export interface OpenJournalOptions {
  /** Bound of each conversation with the database, ms. */
  readonly timeoutMs: number;
  /** Where `embedded:` without a path keeps its file, `journal.db`. */
  readonly stateDir: string;
  readonly clock?: Clock;
  /**
   * For those that only look: where the file of `embedded:` is not there, none is made, this is called with its path, and the
   * journal is an empty one. Without it the file is made.
   */
  readonly ifMissing?: (path: string) => void;
}

const ALLOWED = ["embedded:", "embedded:/path/to/journal.db", "mysql://user:password@host:3306/database"];

/**
 * Opens the journal a URL names: `embedded:` (the file `journal.db` of the state directory, beside the store's),
 * `embedded:/path/to/journal.db`, or `mysql://…` (MySQL, MariaDB). URL_INVALID for anything else; the engine's own errors
 * when it cannot be opened. Only what the URL names is loaded.
 */
export async function openJournal(url: string, options: OpenJournalOptions): Promise<Journal> {
  const clock = options.clock ?? systemClock;
  const scheme = /^([a-z]+):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "embedded") {
    const path = embeddedPath(url, "journal", `${options.stateDir}/journal.db`);
    const { openSqliteJournal } = await import("./sqlite/sqlite-journal.ts");
    return openSqliteJournal(path, { timeoutMs: options.timeoutMs, clock, ifMissing: options.ifMissing });
  }
  if (scheme === "mysql") {
    const { openMysqlJournal } = await import("./mysql/mysql-journal.ts");
    return openMysqlJournal(url, { timeoutMs: options.timeoutMs, clock });
  }
  throw new DcsError(
    "URL_INVALID",
    `journal "${redact(url)}": dcs keeps its journal in embedded: or mysql:`,
    {
      details: { value: redact(url), allowed: ALLOWED },
      hint: `use ${ALLOWED.join(", ")}`,
    },
  );
}
