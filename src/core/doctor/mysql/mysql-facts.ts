import { isMysqlError } from "../../mysql/mysql-error.ts";
import type { PooledConnection } from "../../mysql/mysql-pool.ts";

/** Settings that a journal's promises hang on. One that a server does not know is left out of its answer. */
const NAMES = [
  "binlog_format",
  "innodb_deadlock_detect",
  "innodb_doublewrite",
  "innodb_flush_log_at_trx_commit",
  "innodb_flush_method",
  "innodb_read_only",
  "log_bin",
  "max_allowed_packet",
  "read_only",
  "super_read_only",
  "sync_binlog",
] as const;

type SettingName = (typeof NAMES)[number];

/** What a server says of itself to whoever has logged in. */
export interface MysqlFacts {
  readonly settings: ReadonlyMap<SettingName, string>;
  /** It copies from another server; null when this user may not know. */
  readonly isReplica: boolean | null;
}

/** Asks for settings and for the server's part in replication; no privilege is needed for the former. */
export async function mysqlFacts(connection: PooledConnection): Promise<MysqlFacts> {
  const names = NAMES.map((name) => `'${name}'`).join(", ");
  const results = await connection.send([
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`,
    // MariaDB tells everybody. MySQL knows no such status.
    "SHOW GLOBAL STATUS LIKE 'Slave_running'",
  ]);
  const said = new Map(results[0]?.map((row) => [String(row["Variable_name"]), String(row["Value"])]));
  const settings = new Map(
    NAMES.flatMap((name): [SettingName, string][] => {
      const value = said.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const running = results[1]?.[0]?.["Value"];
  if (running !== undefined) return { settings, isReplica: running === "ON" };
  return { settings, isReplica: await followsAnother(connection) };
}

async function followsAnother(connection: PooledConnection): Promise<boolean | null> {
  try {
    const [rows = []] = await connection.send(["SHOW REPLICA STATUS"]);
    return rows.length > 0;
  } catch (error) {
    // Denied, or (before MySQL 8.0.22) not understood.
    if (isMysqlError(error, "auth", "other")) return null;
    throw error;
  }
}
