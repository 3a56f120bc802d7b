import type { MysqlResult } from "../../mysql/mysql-connection.ts";
import { SQL } from "./statements.generated.ts";

/** Whatever statements can be sent on, several in one round trip. Rejects with a MysqlError. */
export interface SchemaSession {
  send(statements: readonly string[]): Promise<readonly MysqlResult[]>;
}

export type Dialect = "mariadb" | "mysql";

/** What a server says of itself. */
export interface ServerInfo {
  readonly dialect: Dialect;
  /** `10.11.19`. */
  readonly version: string;
  /** Which server it is, the same for as long as its data are: another one after a failover. At most 255 characters. */
  readonly identity: string;
  readonly serverId: number;
  readonly database: string;
  readonly isReadOnly: boolean;
  /** Null without a binary log. */
  readonly binlogFormat: string | null;
  /** With a binary log, triggers by users without SUPER. */
  readonly trustsCreators: boolean;
  readonly sqlMode: readonly string[];
  readonly isGalera: boolean;
  readonly detectsDeadlocks: boolean;
  readonly autoIncrement: { readonly increment: number; readonly offset: number };
}

/** Reads what the server says of itself. Rejects with a MysqlError. */
export async function readServer(session: SchemaSession): Promise<ServerInfo> {
  const [rows = []] = await session.send([SQL["server-variables"]]);
  const values = new Map(
    rows.map((row) => [String(row["Variable_name"]).toLowerCase(), String(row["Value"] ?? "")]),
  );
  const [[place] = []] = await session.send([
    "SELECT DATABASE() AS name, VERSION() AS version, @@port AS port, @@GLOBAL.sql_mode AS modes",
  ]);
  const value = (name: string) => values.get(name) ?? "";
  const isOn = (name: string) => /^(on|1|yes)$/i.test(value(name));
  const text = String(place?.["version"] ?? "");
  const dialect: Dialect = /mariadb/i.test(text) ? "mariadb" : "mysql";
  const parts = [value("server_id"), value("hostname"), String(place?.["port"] ?? ""), value("datadir")];
  const identity =
    dialect === "mysql" && value("server_uuid") !== "" ? value("server_uuid") : parts.join(" ");
  return {
    dialect,
    version: /^(?:5\.5\.5-)?(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? text,
    identity: identity.slice(0, 255),
    serverId: Number(value("server_id")),
    database: String(place?.["name"] ?? ""),
    isReadOnly: isOn("read_only") || isOn("super_read_only") || isOn("innodb_read_only"),
    binlogFormat: isOn("log_bin") ? value("binlog_format").toUpperCase() || "ROW" : null,
    trustsCreators: isOn("log_bin_trust_function_creators"),
    sqlMode: String(place?.["modes"] ?? "").split(","),
    isGalera: isOn("wsrep_on"),
    detectsDeadlocks: !values.has("innodb_deadlock_detect") || isOn("innodb_deadlock_detect"),
    autoIncrement: {
      increment: Number(value("auto_increment_increment") || 1),
      offset: Number(value("auto_increment_offset") || 1),
    },
  };
}
