import { type Finding, findingsOf } from "./finding.ts";
import { readGrants } from "./grants.ts";
import type { SchemaSession, ServerInfo } from "./server-info.ts";

/** Of the user in a shard's URL, on its database. */
const PRIVILEGES = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "INDEX", "TRIGGER"];
/** With invisible generated columns, and what else is needed. */
const OLDEST = { mariadb: [10, 5], mysql: [8, 0, 23] } as const;

/** What speaks against a server as a shard. Changes nothing. Rejects with a MysqlError. */
export async function preflightServer(session: SchemaSession, info: ServerInfo): Promise<readonly Finding[]> {
  const [rows = []] = await session.send(["SHOW GRANTS"]);
  const lines = rows.flatMap((row) => Object.values(row).map(String));
  return [...settingFindings(info), ...grantFindings(info, lines)];
}

/** What its settings speak against. */
export function settingFindings(info: ServerInfo): readonly Finding[] {
  const { found, refuse, warn } = findingsOf(null);
  const { dialect, version, binlogFormat } = info;
  const oldest = OLDEST[dialect];
  if (isOlder(version, oldest)) {
    const name = dialect === "mariadb" ? "MariaDB" : "MySQL";
    refuse("server-old", `it is ${name} ${version}`, `shards need ${name} ${oldest.join(".")} or later`);
  }
  if (info.isReadOnly) {
    refuse("server-read-only", "it is read-only", "name the primary: a replica cannot be a shard");
  }
  if (info.isGalera) {
    refuse(
      "server-galera",
      "it is a node of a Galera cluster: a lock on a bucket's row does not reach writers on other nodes",
      "shards must be servers with one writer",
    );
  }
  if (binlogFormat === "STATEMENT") {
    refuse(
      "binlog-statement",
      "its binlog_format is STATEMENT: replicas would run the triggers themselves, with other results",
      "SET GLOBAL binlog_format = 'ROW'",
    );
  } else if (binlogFormat === "MIXED") {
    warn(
      "binlog-mixed",
      "its binlog_format is MIXED; writes to sharded tables are logged as rows all the same",
      "make it ROW, which leaves nothing to the server's judgement",
    );
  }
  if (!info.detectsDeadlocks) {
    refuse(
      "deadlock-detection",
      "innodb_deadlock_detect is OFF: a cut-over that meets a deadlock would stall writers",
      "SET GLOBAL innodb_deadlock_detect = ON",
    );
  }
  if (info.sqlMode.includes("NO_BACKSLASH_ESCAPES")) {
    warn(
      "backslash-escapes",
      "its sql_mode has NO_BACKSLASH_ESCAPES; the sessions and triggers of dcs do without it",
      "nothing to do, unless you run by hand what --dry-run prints",
    );
  }
  return found;
}

/** What its user may not do; `lines` of SHOW GRANTS. */
export function grantFindings(info: ServerInfo, lines: readonly string[]): readonly Finding[] {
  const { found, refuse, warn } = findingsOf(null);
  const grants = readGrants(lines);
  const missing = PRIVILEGES.filter((privilege) => !grants.has(privilege, info.database));
  if (missing.length > 0) {
    // What roles give is not always told.
    const tell = grants.hasRoles ? warn : refuse;
    tell(
      "privileges",
      `the user lacks ${missing.join(", ")} on database ${info.database}${grants.hasRoles ? ", unless a role gives it" : ""}`,
      `GRANT ${missing.join(", ")} ON \`${info.database}\`.* TO that user`,
    );
  }
  if (info.binlogFormat !== null && !info.trustsCreators && !grants.has("SUPER", null)) {
    refuse(
      "trigger-super",
      "it keeps a binary log, and then only users with SUPER may make triggers",
      "SET GLOBAL log_bin_trust_function_creators = 1, or give the user SUPER",
    );
  }
  return found;
}

function isOlder(version: string, oldest: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  for (const [i, least] of oldest.entries()) {
    const part = parts[i] ?? 0;
    if (part !== least) return part < least;
  }
  return false;
}
