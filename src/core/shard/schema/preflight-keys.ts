import type { ShardTable } from "../keyspace.ts";
import { keyKindOf } from "./bucket-sql.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { isUnicode, literalSql } from "./literal-sql.ts";
import type { ColumnInfo, KeyInfo, TableInfo } from "./table-info.ts";

/** A primary key with more has no room for the bucket before it in an index. */
const MOST_KEY_COLUMNS = 15;
/** InnoDB's limit of an index, bytes, and what the bucket takes of it. */
const MOST_KEY_BYTES = 3072 - 4;
/** Of a character, in charsets that have not 4. */
const CHARACTER_BYTES: Readonly<Record<string, number>> = { ascii: 1, latin1: 1, utf8: 3, utf8mb3: 3 };
const KEYS_ALLOWED = "allowed: whole numbers, CHAR, VARCHAR, BINARY, VARBINARY";

/** The primary key's columns, none without one. */
export function primaryKeyOf({ keys }: TableInfo): readonly string[] {
  return keys.find(({ name }) => name === "PRIMARY")?.columns ?? [];
}

/** What speaks against a column as the shard key of its table. */
export function keyFindings(table: string, key: ColumnInfo): readonly Finding[] {
  const { found, refuse, warn } = findingsOf(table);
  const { name } = key;
  const kind = keyKindOf(key);
  if (kind === null) {
    refuse("key-type", `a shard key cannot be ${key.columnType}`, KEYS_ALLOWED, name);
  }
  if (key.isNullable) {
    const hint = `ALTER TABLE ${table} MODIFY ${name} ${key.columnType} NOT NULL`;
    refuse("key-nullable", "the shard key may be NULL, and NULL is in no bucket", hint, name);
  }
  if (key.isGenerated) {
    refuse(
      "key-generated",
      "the shard key is a generated column, which triggers cannot read in time",
      "take the column it is made of",
      name,
    );
  }
  if (key.isAutoIncrement) {
    refuse(
      "key-auto-increment",
      "the shard key is numbered by the server, so nobody could know where a row goes before it is there",
      `give ids yourself (a sequence, a UUID): ALTER TABLE ${table} MODIFY ${name} ${key.columnType} NOT NULL`,
      name,
    );
  }
  if (kind !== "text") return found;
  const collation = key.collation ?? "";
  if (!collation.endsWith("_bin")) {
    warn(
      "key-collation",
      `its collation ${collation} takes different keys for the same ('ann' and 'ANN'), which are in different buckets`,
      "write keys in one way only, or make it utf8mb4_bin or ascii_bin",
      name,
    );
  } else if (key.dataType === "varchar" && !/^(?:utf8mb4|ascii)_bin$|nopad/.test(collation)) {
    warn(
      "key-padding",
      `its collation ${collation} takes 'a' and 'a ' for the same, which are in different buckets`,
      "write keys without spaces at their end",
      name,
    );
  }
  if (!isUnicode(key)) {
    warn(
      "key-charset",
      `keys in ${key.charset} are turned into utf8mb4 to find their bucket, for each row written`,
      "make it utf8mb4 or ascii, which costs nothing",
      name,
    );
  }
  return found;
}

/**
 * What speaks against a table's primary key, its columns and its other unique keys. `unique` names keys, as `table.key`, that are
 * unique over all shards; null: all of them are.
 */
export function columnFindings(
  { name: table, key }: Pick<ShardTable, "name" | "key">,
  info: TableInfo,
  unique: ReadonlySet<string> | null,
): readonly Finding[] {
  const { found, refuse } = findingsOf(table);
  const primary = primaryKeyOf(info);
  if (primary.length === 0) {
    refuse(
      "primary-missing",
      "it has no primary key, by which its rows could be moved one by one",
      "give it one that begins with the shard key",
    );
  } else if (primary.length > MOST_KEY_COLUMNS) {
    refuse(
      "primary-wide",
      `its primary key has ${primary.length} columns, so an index with the bucket before them has no room`,
      `at most ${MOST_KEY_COLUMNS}`,
    );
  }
  const bytes = info.columns
    .filter(({ name }) => primary.includes(name))
    .reduce((sum, column) => sum + keyBytes(column), 0);
  if (bytes > MOST_KEY_BYTES) {
    refuse(
      "primary-long",
      `its primary key takes ${bytes} bytes, so an index with the bucket before it has no room`,
      `at most ${MOST_KEY_BYTES} bytes: make its texts shorter, or ascii`,
    );
  }
  for (const column of info.columns) {
    const inPrimary = primary.includes(column.name);
    if (literalSql(column, "x") === null) {
      refuse(
        "column-type",
        `values of type ${column.columnType} cannot be copied exactly`,
        "change its type, or leave the table out",
        column.name,
      );
    } else if (inPrimary && ["timestamp", "float", "double"].includes(column.dataType)) {
      const why =
        column.dataType === "timestamp" ? "depends on the time zone of who writes" : "is not exact as text";
      const hint = column.dataType === "timestamp" ? "make it DATETIME" : "make it DECIMAL";
      refuse("primary-type", `${column.dataType.toUpperCase()} in a primary key ${why}`, hint, column.name);
    }
    if (inPrimary && column.isGenerated) {
      refuse(
        "primary-generated",
        "it is generated, and in the primary key: triggers cannot read it in time",
        "take it out of the key",
        column.name,
      );
    }
  }
  if (unique === null) return found;
  for (const each of info.keys) found.push(...uniqueFindings(table, key, each, info, unique));
  return found;
}

/** At most, in an index. */
function keyBytes({ columnType, charset }: ColumnInfo): number {
  const length = /^(?:var)?(?:char|binary)\((\d+)\)/.exec(columnType)?.[1];
  if (length === undefined) return 8;
  return Number(length) * (charset === null ? 1 : (CHARACTER_BYTES[charset] ?? 4));
}

function uniqueFindings(
  table: string,
  key: string,
  { name, isUnique, columns }: KeyInfo,
  info: TableInfo,
  unique: ReadonlySet<string>,
): readonly Finding[] {
  if (!isUnique || columns.includes(key) || unique.has(`${table}.${name}`)) return [];
  const { found, refuse } = findingsOf(table);
  const what = name === "PRIMARY" ? "the primary key" : `the unique key ${name}`;
  const parts = columns.join(", ");
  const numbered = info.columns.find((each) => columns.includes(each.name) && each.isAutoIncrement);
  if (numbered === undefined) {
    refuse(
      "unique-without-key",
      `${what} (${parts}) does not contain the shard key ${key}: two shards may each have a row with the same value, and then neither can move to the other`,
      `put ${key} into it; or, where values are unique over all shards (UUIDs), say so with --unique ${table}.${name}`,
    );
  } else {
    refuse(
      "unique-auto-increment",
      `${what} (${parts}) is numbered by each server for itself: two shards will give the same number to different rows, and then neither can move to the other`,
      `make the key (${key}, ${parts}) and keep KEY (${numbered.name}); or give ids that no two shards share (auto_increment_increment and a different auto_increment_offset on each server, or UUIDs), and say so with --unique ${table}.${name}`,
      numbered.name,
    );
  }
  return found;
}
