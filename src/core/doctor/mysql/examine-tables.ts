import { toDcsError } from "../../errors.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import type { PooledConnection } from "../../mysql/mysql-pool.ts";
import type { MysqlTarget } from "../../mysql/mysql-url.ts";
import { toJournalError } from "../../saga/journal/mysql/journal-error.ts";
import { readVersion, VERSION } from "../../saga/journal/mysql/schema-version.ts";
import { SQL } from "../../saga/journal/mysql/statements.generated.ts";
import { redact } from "../../util/redact.ts";
import { type Finding, fail, ok, unknown, warn } from "../check.ts";
import { runsFinding } from "../runs-finding.ts";

/** One statement of each kind that a run needs. EXPLAIN asks for the same rights and does nothing. */
const NEEDED = [
  "EXPLAIN INSERT INTO saga_event (run_id, seq, epoch, txid, at, body) VALUES ('', 0, 0, '', 0, '')",
  "EXPLAIN UPDATE saga_run SET seq = seq WHERE run_id = ''",
  "EXPLAIN DELETE FROM saga_request WHERE id = 0",
];

/** The tables of the journal: whether they are there, of this version, and this user's; and how its runs stand. */
export async function examineTables(
  connection: PooledConnection,
  target: MysqlTarget,
  isWritable: boolean,
): Promise<readonly Finding[]> {
  try {
    const version = await readVersion(connection);
    const tables = tablesFinding(version);
    if (version !== VERSION) return [tables];
    const [rows = []] = await connection.send([SQL["run-counts"]]);
    const counts = Object.fromEntries(rows.map(({ status, runs }) => [String(status), Number(runs)]));
    const rights = isWritable ? await rightsFinding(connection, target) : null;
    return [tables, ...(rights === null ? [] : [rights]), runsFinding(counts)];
  } catch (error) {
    if (!isMysqlError(error, "auth", "no-table")) throw error;
    return [refused("tables", error, target)];
  }
}

function tablesFinding(version: number): Finding {
  const data = { layout: version, wanted: VERSION };
  if (version === VERSION) return ok("tables", `layout ${version}, that of this dcs`, data);
  // As with a store that was not made yet: whoever has no sagas needs none.
  if (version === 0) {
    return warn("tables", "there are none, or not all: no saga can run", "dcs saga migrate", {
      data: { ...data, error: "JOURNAL_NOT_MIGRATED" },
    });
  }
  if (version > VERSION) {
    return fail(
      "tables",
      `a newer dcs made them: layout ${version}, and this one knows ${VERSION}`,
      "npm install -g dcs@latest",
      { data: { ...data, error: "JOURNAL_NEWER" } },
    );
  }
  return fail(
    "tables",
    `an older dcs made them: layout ${version} instead of ${VERSION}`,
    "dcs saga migrate",
    {
      data: { ...data, error: "JOURNAL_NOT_MIGRATED" },
    },
  );
}

async function rightsFinding(connection: PooledConnection, target: MysqlTarget): Promise<Finding> {
  try {
    await connection.send(NEEDED);
    return ok("rights", "SELECT, INSERT, UPDATE, DELETE");
  } catch (error) {
    if (isMysqlError(error, "auth")) return refused("rights", error, target);
    if (isMysqlError(error, "other")) return unknown("rights", `cannot be tried: ${error.message}`);
    throw error;
  }
}

function refused(check: string, error: unknown, target: MysqlTarget): Finding {
  const { code, message, hint } = toDcsError(toJournalError(error, target));
  return fail(check, redact(message), redact(hint), { data: { error: code } });
}
