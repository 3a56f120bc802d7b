import { DcsError, type ErrorCode } from "../../../errors.ts";
import { isMysqlError, type MysqlFailure } from "../../../mysql/mysql-error.ts";
import type { MysqlTarget } from "../../../mysql/mysql-url.ts";

interface Saying {
  readonly code: ErrorCode;
  readonly say: (target: MysqlTarget, message: string) => string;
  readonly hint?: (target: MysqlTarget, message: string) => string;
}

const DOWN: Saying = {
  code: "JOURNAL_UNREACHABLE",
  say: ({ shown }, message) => `the journal at ${shown} did not answer: ${message}`,
};

const SAYINGS: Readonly<Record<Exclude<MysqlFailure, "other">, Saying>> = {
  unreachable: DOWN,
  lost: DOWN,
  auth: {
    code: "JOURNAL_AUTH",
    say: ({ shown }, message) => `the journal at ${shown} refused access: ${message}`,
    hint: ({ database }, message) => {
      const privilege = /^([A-Z][A-Z ,]*) command denied/i.exec(message)?.[1];
      if (privilege === undefined) return "check the URL's user and password: `dcs config show --origin`";
      return `grant it: GRANT ${privilege.toUpperCase()} ON \`${database}\`.* TO …`;
    },
  },
  full: {
    code: "JOURNAL_FULL",
    say: ({ shown }, message) => `the database of the journal at ${shown} has no room: ${message}`,
  },
  "read-only": {
    code: "JOURNAL_UNREACHABLE",
    say: ({ shown }, message) => `the server of the journal at ${shown} is read-only: ${message}`,
    hint: () => "name the primary in the journal's URL, or wait until the failover is over",
  },
  "no-database": {
    code: "JOURNAL_NOT_MIGRATED",
    say: ({ shown, database }) => `there is no database ${database} at ${shown}`,
    hint: ({ database }) => `make it: CREATE DATABASE \`${database}\`; then run \`dcs saga migrate\``,
  },
  "no-table": {
    code: "JOURNAL_NOT_MIGRATED",
    say: ({ shown }, message) => `the database at ${shown} has no journal: ${message}`,
  },
  conflict: {
    code: "JOURNAL_UNREACHABLE",
    say: ({ shown }, message) => `other transactions held the rows of the journal at ${shown}: ${message}`,
    hint: () => "look for a transaction that stays open: SHOW ENGINE INNODB STATUS",
  },
  duplicate: {
    code: "JOURNAL_CORRUPT",
    say: ({ shown }, message) => `the journal at ${shown} holds what it should not: ${message}`,
  },
  "too-large": {
    code: "JOURNAL_FULL",
    say: ({ shown }, message) => `one transition is larger than the server at ${shown} takes: ${message}`,
    hint: () => "raise max_allowed_packet on the server",
  },
};

/** What the database said, as an error about the journal; anything else is passed through. */
export function toJournalError(error: unknown, target: MysqlTarget): unknown {
  if (!isMysqlError(error)) return error;
  const { failure, errno, message } = error;
  if (failure === "other") {
    return new DcsError("UNEXPECTED", `the journal at ${target.shown} said: ${message}`, { cause: error });
  }
  const { code, say, hint } = SAYINGS[failure];
  return new DcsError(code, say(target, message), {
    cause: error,
    details: { url: target.shown, ...(errno !== null && { errno }) },
    ...(hint !== undefined && { hint: hint(target, message) }),
  });
}
