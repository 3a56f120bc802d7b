import type { ColumnInfo } from "./table-info.ts";

const WHOLE = new Set(["tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year"]);
const BYTES = new Set([
  "binary",
  "varbinary",
  "tinyblob",
  "blob",
  "mediumblob",
  "longblob",
  "geometry",
  "point",
  "linestring",
  "polygon",
  "multipoint",
  "multilinestring",
  "multipolygon",
  "geometrycollection",
]);
const TEXTS = new Set(["char", "varchar", "tinytext", "text", "mediumtext", "longtext"]);
const QUOTED = new Set(["date", "datetime", "time", "timestamp", "json", "inet4", "inet6", "uuid"]);
/** Texts in these are the same characters in the connection's utf8mb4. */
const UNICODE = new Set(["utf8mb4", "utf8mb3", "utf8", "ascii"]);

/** True when the column's bytes are those of the same text in utf8mb4. */
export function isUnicode({ charset }: ColumnInfo): boolean {
  return charset !== null && UNICODE.has(charset);
}

/**
 * An expression of SQL that gives a column's value as SQL writes it (`12`, `'O\'Hara'`, `x'00ff'`, `NULL`), so that rows go from
 * one server to another as text that neither we nor the driver read: no value is ever a JavaScript number or date.
 * `reference` is the column as the statement names it. Null for a type that is not known.
 *
 * The session is in UTC, utf8mb4, and without NO_BACKSLASH_ESCAPES. A TIMESTAMP is text of the session's time zone, which in a
 * trigger is the application's: no part of a key that a trigger writes down.
 */
export function literalSql(column: ColumnInfo, reference: string): string | null {
  const { dataType, charset } = column;
  const orNull = (expression: string) => `IFNULL(${expression}, 'NULL')`;
  // What the server itself makes text of is in the connection's utf8mb4; columns of one charset may differ in their collations.
  const text = (expression: string) => `${expression} COLLATE utf8mb4_bin`;
  if (WHOLE.has(dataType)) return orNull(text(`CAST(${reference} AS CHAR)`));
  // As text a FLOAT loses digits, which a double does not. A sum would lose the sign of -0, and so would a number that is not quoted.
  if (dataType === "float" || dataType === "double") {
    return orNull(text(`CONCAT('''', CAST(${reference} * 1e0 AS CHAR), '''')`));
  }
  if (dataType === "bit" || dataType === "enum" || dataType === "set") {
    return orNull(text(`CAST(CAST(${reference} AS UNSIGNED) AS CHAR)`));
  }
  if (BYTES.has(dataType)) return orNull(text(`CONCAT('x''', HEX(${reference}), '''')`));
  if (QUOTED.has(dataType)) return text(`QUOTE(CAST(${reference} AS CHAR))`);
  if (!TEXTS.has(dataType) || charset === null) return null;
  if (charset === "utf8mb4") return text(`QUOTE(${reference})`);
  if (isUnicode(column)) return text(`CONVERT(QUOTE(${reference}) USING utf8mb4)`);
  return orNull(text(`CONCAT('_${charset} x''', HEX(${reference}), '''')`));
}

/** Literals of several columns side by side: `1,'a'`. Null when the type of one of them is not known. */
export function literalsSql(
  columns: readonly ColumnInfo[],
  reference: (column: string) => string,
): string | null {
  const parts = columns.map((column) => literalSql(column, reference(column.name)));
  if (parts.includes(null)) return null;
  return parts.length === 1 ? (parts[0] ?? null) : `CONCAT_WS(',', ${parts.join(", ")})`;
}
