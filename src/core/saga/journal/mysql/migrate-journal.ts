import { DcsError } from "../../../errors.ts";
import { MysqlPool, type PooledConnection } from "../../../mysql/mysql-pool.ts";
import { parseMysqlUrl } from "../../../mysql/mysql-url.ts";
import { toJournalError } from "./journal-error.ts";
import type { MysqlJournalOptions } from "./mysql-journal.ts";
import { newer, readVersion, VERSION } from "./schema-version.ts";
import { SQL } from "./statements.generated.ts";

export interface MigrateOptions extends MysqlJournalOptions {
  /** Says what would be done, and does nothing. */
  readonly dryRun?: boolean;
}

export interface Migration {
  /** Where, for people. */
  readonly url: string;
  /** The layout of before; 0 when there was none. */
  readonly from: number;
  readonly to: number;
  /** What was done, or would be, in order. */
  readonly statements: readonly string[];
}

/** Of all databases of a server, since names of locks are the server's. */
const LOCK = "CONCAT('dcs.saga.', LEFT(SHA1(DATABASE()), 32))";

/**
 * Makes the tables of the journal. Two at once wait for each other under a lock of the server; what is there already is left
 * alone, so that an interrupted one can be run again. JOURNAL_NEWER, JOURNAL_AUTH with the privilege that is missing.
 */
export async function migrateMysqlJournal(url: string, options: MigrateOptions): Promise<Migration> {
  const target = parseMysqlUrl(url);
  try {
    await using pool = await MysqlPool.open(target, { ...options, size: 1 });
    return await pool.use(async (connection) => {
      if (options.dryRun === true) return await plan(connection, target.shown);
      const seconds = Math.max(1, Math.floor(options.timeoutMs / 2000));
      const [[got] = []] = await connection.send([`SELECT GET_LOCK(${LOCK}, ${seconds}) AS got`]);
      if (got?.["got"] !== 1) {
        throw new DcsError("JOURNAL_UNREACHABLE", `another migration of ${target.shown} is under way`, {
          hint: "wait for it, then run it again",
        });
      }
      const migration = await plan(connection, target.shown);
      for (const statement of migration.statements) await connection.send([statement]);
      await connection.send([`DO RELEASE_LOCK(${LOCK})`]);
      return migration;
    });
  } catch (error) {
    throw toJournalError(error, target);
  }
}

async function plan(connection: PooledConnection, shown: string): Promise<Migration> {
  const from = await readVersion(connection);
  if (from > VERSION) throw newer(shown, from);
  const statements = from === VERSION ? [] : SQL.schema.split(";\n");
  return { url: shown, from, to: VERSION, statements };
}
