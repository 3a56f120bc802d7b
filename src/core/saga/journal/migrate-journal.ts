import { DcsError } from "../../errors.ts";
import { type Clock, systemClock } from "../../util/clock.ts";
import { redact } from "../../util/redact.ts";
import type { Migration } from "./mysql/migrate-journal.ts";

export interface MigrateJournalOptions {
  /** Bound of each conversation with the database, ms. */
  readonly timeoutMs: number;
  readonly clock?: Clock;
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean;
}

/** Makes the tables of the journal that a URL names. URL_INVALID where it needs none; else see `migrateMysqlJournal`. */
export async function migrateJournal(url: string, options: MigrateJournalOptions): Promise<Migration> {
  if (/^mysql:/i.test(url)) {
    const { migrateMysqlJournal } = await import("./mysql/migrate-journal.ts");
    return migrateMysqlJournal(url, { clock: systemClock, ...options });
  }
  throw new DcsError("URL_INVALID", `journal "${redact(url)}" needs no migration: only databases do`, {
    details: { value: redact(url), allowed: ["mysql://user:password@host:3306/database"] },
    hint: "an embedded journal makes its tables by itself; for a database give its URL by --journal or DCS_JOURNAL",
  });
}
