import { DcsError, type ErrorCode } from "../../../errors.ts";
import { toStoreError } from "../../../sqlite/errors.ts";

interface Saying {
  readonly code: ErrorCode;
  readonly say: (path: string) => string;
  readonly hint?: string;
}

/** What the opener of SQLite files and its queue say of a store, said of the journal. */
const SAYINGS: Readonly<Partial<Record<ErrorCode, Saying>>> = {
  STORE_BUSY: {
    code: "JOURNAL_UNREACHABLE",
    say: (path) => `another process held the write lock of the journal ${path} for the whole --timeout`,
    hint: "look for a stopped dcs process (state T in `ps`), or give a longer --timeout",
  },
  STORE_UNWRITABLE: {
    code: "JOURNAL_AUTH",
    say: (path) => `the journal ${path} cannot be opened for writing`,
    hint: "check the owner and mode of the file and of its directory",
  },
  STORE_FULL: {
    code: "JOURNAL_FULL",
    say: (path) =>
      `the system refused to write the journal ${path} (disk full, file size limit, or a failing disk)`,
  },
  STORE_CORRUPT: {
    code: "JOURNAL_CORRUPT",
    say: (path) => `${path} is damaged, or is not a journal of dcs`,
    hint: "restore it from a backup, or give another path: --journal embedded:/path/to/journal.db",
  },
  STORE_NEWER: {
    code: "JOURNAL_NEWER",
    say: (path) => `the journal ${path} was made by a newer dcs`,
  },
  STORE_NETWORK_FS: {
    code: "JOURNAL_UNREACHABLE",
    say: (path) => `the journal ${path} is on a network filesystem, where its locking cannot be trusted`,
    hint: "use a local path: --journal embedded:/var/lib/dcs/journal.db, or a database: mysql://user@host/dcs",
  },
};

/** What SQLite threw, or the opener of its files, as an error about the journal; anything else is passed through. */
export function toJournalError(error: unknown, path: string): unknown {
  const known = toStoreError(error, path);
  if (!(known instanceof DcsError)) return known;
  const saying = SAYINGS[known.code];
  if (saying === undefined) return known;
  const { hint } = saying;
  return new DcsError(saying.code, saying.say(path), {
    cause: known,
    details: { ...known.details, path },
    ...(hint !== undefined && { hint }),
  });
}
