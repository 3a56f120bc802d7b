import type { MysqlResult } from "../../mysql/mysql-connection.ts";
import { fill, listOf } from "../../mysql/sql-text.ts";
import { BUCKET_COLUMN } from "../names.ts";

export interface ColumnInfo {
  readonly name: string;
  /** As information_schema's DATA_TYPE, lower case: `varchar`, `decimal`, `bit`. */
  readonly dataType: string;
  /** With its length and attributes: `decimal(20,4) unsigned`. */
  readonly columnType: string;
  readonly charset: string | null;
  readonly collation: string | null;
  readonly isNullable: boolean;
  /** Computed by the server: read, never written. */
  readonly isGenerated: boolean;
  readonly isAutoIncrement: boolean;
}

export interface KeyInfo {
  readonly name: string;
  readonly isUnique: boolean;
  readonly columns: readonly string[];
}

/** A table as one server has it. */
export interface TableInfo {
  readonly name: string;
  readonly engine: string;
  /** In the table's order, without the bucket column of dcs. */
  readonly columns: readonly ColumnInfo[];
  /** Without those of dcs. The primary key is named `PRIMARY`. */
  readonly keys: readonly KeyInfo[];
  /** Rows and bytes as the server estimates them. */
  readonly rows: number;
  readonly bytes: number;
}

interface Session {
  send(statements: readonly string[]): Promise<readonly MysqlResult[]>;
}

/** Those of the named tables that are there, by name. Rejects with a MysqlError. */
export async function readTables(
  session: Session,
  names: readonly string[],
): Promise<ReadonlyMap<string, TableInfo>> {
  if (names.length === 0) return new Map();
  const where = fill("table_schema = DATABASE() AND table_name IN (:names)", { names: listOf(names) });
  const [tables = [], columns = [], keys = []] = await session.send([
    `SELECT table_name AS name, engine AS engine, table_rows AS estimate, data_length + index_length AS bytes
       FROM information_schema.tables WHERE ${where}`,
    `SELECT table_name AS tbl, column_name AS name, data_type AS type, column_type AS full, character_set_name AS cs,
            collation_name AS coll, is_nullable AS nullable, extra AS extra, generation_expression AS expression
       FROM information_schema.columns WHERE ${where} ORDER BY table_name, ordinal_position`,
    `SELECT table_name AS tbl, index_name AS name, non_unique AS more, column_name AS col
       FROM information_schema.statistics WHERE ${where} ORDER BY table_name, index_name, seq_in_index`,
  ]);
  const text = (value: unknown) => String(value ?? "");
  return new Map(
    tables.map((table) => {
      const name = text(table["name"]);
      const byKey = new Map<string, { isUnique: boolean; columns: string[] }>();
      for (const row of keys.filter((each) => each["tbl"] === name)) {
        const key = byKey.get(text(row["name"])) ?? { isUnique: Number(row["more"]) === 0, columns: [] };
        key.columns.push(text(row["col"]));
        byKey.set(text(row["name"]), key);
      }
      return [
        name,
        {
          name,
          engine: text(table["engine"]),
          rows: Number(table["estimate"] ?? 0),
          bytes: Number(table["bytes"] ?? 0),
          columns: columns
            .filter((each) => each["tbl"] === name && each["name"] !== BUCKET_COLUMN)
            .map((row) => ({
              name: text(row["name"]),
              dataType: text(row["type"]).toLowerCase(),
              columnType: text(row["full"]).toLowerCase(),
              charset: row["cs"] === null ? null : text(row["cs"]),
              collation: row["coll"] === null ? null : text(row["coll"]),
              isNullable: row["nullable"] === "YES",
              isGenerated: text(row["expression"]) !== "",
              isAutoIncrement: text(row["extra"]).toLowerCase().includes("auto_increment"),
            })),
          keys: [...byKey]
            .map(([key, { isUnique, columns: parts }]) => ({ name: key, isUnique, columns: parts }))
            .filter((key) => !key.columns.includes(BUCKET_COLUMN)),
        },
      ];
    }),
  );
}

/** A name as SQL writes it. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}
