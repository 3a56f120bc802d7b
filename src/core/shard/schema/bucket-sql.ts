import { isUnicode } from "./literal-sql.ts";
import type { ColumnInfo } from "./table-info.ts";

const NUMBERS = new Set(["tinyint", "smallint", "mediumint", "int", "bigint"]);
const TEXTS = new Set(["char", "varchar"]);
const BYTES = new Set(["binary", "varbinary"]);

/** What a shard key may be: `number`, `text` or `bytes`; null for every other type. */
export function keyKindOf({ dataType, charset }: ColumnInfo): "number" | "text" | "bytes" | null {
  if (NUMBERS.has(dataType)) return "number";
  if (BYTES.has(dataType)) return "bytes";
  return TEXTS.has(dataType) && charset !== null ? "text" : null;
}

/**
 * The bucket of a row as SQL counts it, the same as `bucketOf`; `reference` is the key's column as the statement names it. It
 * must not depend on the session: it is the expression of a generated column too, and there the modes of whoever writes count.
 * Null for a type that no key may have.
 */
export function bucketSql(key: ColumnInfo, reference: string, buckets: number): string | null {
  const kind = keyKindOf(key);
  if (kind === null) return null;
  return `CRC32(${textOf(key, reference, kind)}) MOD ${buckets}`;
}

function textOf(key: ColumnInfo, reference: string, kind: "number" | "text" | "bytes"): string {
  if (kind === "bytes") return reference;
  if (kind === "number") {
    // As text a ZEROFILL has its zeros, which are no part of the number.
    const value = key.columnType.includes("zerofill") ? `CAST(${reference} AS UNSIGNED)` : reference;
    return `CONVERT(${value} USING utf8mb4)`;
  }
  // With PAD_CHAR_TO_FULL_LENGTH a CHAR is read with its padding.
  const value = key.dataType === "char" ? `RTRIM(${reference})` : reference;
  return isUnicode(key) ? value : `CONVERT(${value} USING utf8mb4)`;
}
