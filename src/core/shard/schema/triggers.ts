import { createHash } from "node:crypto";
import { literal } from "../../mysql/sql-text.ts";
import type { Keyspace, ShardTable } from "../keyspace.ts";
import {
  BUCKET_TABLE,
  LOG_TABLE,
  MOVED_ERRNO,
  MOVER_ERRNO,
  MOVER_VARIABLE,
  OPEN_VARIABLE,
  PRIMARY_NULL_ERRNO,
} from "../names.ts";
import { bucketSql } from "./bucket-sql.ts";
import { literalsSql } from "./literal-sql.ts";
import { type ColumnInfo, quoteName, type TableInfo } from "./table-info.ts";

/** A trigger as it must stand on a server. */
export interface Trigger {
  readonly name: string;
  readonly table: string;
  readonly timing: "BEFORE" | "AFTER";
  readonly event: "INSERT" | "UPDATE" | "DELETE";
  /** From BEGIN to END, as information_schema's ACTION_STATEMENT gives it back. */
  readonly body: string;
}

type Row = "OLD" | "NEW";

/** Names of a server are no longer than this, characters. */
const MOST_NAME = 64;

/**
 * The triggers of one table. Each reads the rows of its buckets with `LOCK IN SHARE MODE` (a plain read would let a stale snapshot
 * write on), refuses with 31001 what is not `owned` or `moving`, and notes the primary key of what is `moving`. In a mover's session
 * each only compares the row's bucket with the mover's. They stand BEFORE, so that a stale INSERT is refused and not told of a
 * duplicate, and so that a writer waits for a cut-over before it has locked the row. A key that the server itself numbers is known
 * only AFTER. Throws TypeError for tables that `preflightTables` refuses.
 */
export function triggersOf(table: ShardTable, info: TableInfo, { buckets }: Keyspace): readonly Trigger[] {
  const column = (name: string): ColumnInfo => {
    const found = info.columns.find((each) => each.name === name);
    if (found === undefined) throw new TypeError(`table ${table.name} has no column ${name}`);
    return found;
  };
  const primary = table.primaryKey.map(column);
  const bucketOf = (row: Row) =>
    known(bucketSql(column(table.key), `${row}.${quoteName(table.key)}`, buckets), table);
  const pk = (row: Row) =>
    known(
      literalsSql(primary, (name) => `${row}.${quoteName(name)}`),
      table,
    );
  const note = (of: string, row: Row) =>
    `INSERT INTO ${LOG_TABLE} (bucket, tbl, pk) VALUES (${of}, ${literal(table.name)}, ${pk(row)});`;
  const trigger = (timing: Trigger["timing"], event: Trigger["event"], body: string): Trigger => ({
    name: nameOf(table.name, timing, event),
    table: table.name,
    timing,
    event,
    body,
  });
  // A NULL in the shard key finds no bucket; a number that the server gives is NULL until then.
  const others = primary.filter(({ name }) => name !== table.key);
  const given = others.filter(({ isAutoIncrement }) => !isAutoIncrement);
  const one = (row: Row, noted: string, whole: readonly ColumnInfo[] = []): Body => ({
    rows: [row],
    bucketOf,
    isAtRest: `${notNull(whole)}${isOwned(bucketOf(row))}`,
    otherwise: [
      declareBucket("d_bucket", bucketOf(row)),
      DECLARE_STATE,
      ...noNulls(whole),
      guard("d_bucket", noted),
    ],
  });
  const twice = `IF d_old = d_new AND ${pk("OLD")} <> ${pk("NEW")} THEN ${note("d_new", "NEW")} END IF;`;
  const update: Body = {
    rows: ["OLD", "NEW"],
    bucketOf,
    isAtRest: `${notNull(others)}${bucketOf("NEW")} = ${bucketOf("OLD")} AND ${isOwned(bucketOf("OLD"))}`,
    otherwise: [
      declareBucket("d_old", bucketOf("OLD")),
      declareBucket("d_new", bucketOf("NEW")),
      DECLARE_STATE,
      ...noNulls(others),
      guard("d_old", `${note("d_old", "OLD")} ${twice}`),
      `IF d_new <> d_old THEN SET d_state = NULL;`,
      guard("d_new", note("d_new", "NEW")),
      "END IF;",
    ],
  };
  const isNumbered = primary.some((each) => each.isAutoIncrement);
  const noted = one("NEW", note("d_bucket", "NEW"), given);
  // What BEFORE found holds until AFTER: the lock does. It says so anew for each row, and AFTER believes it of its own bucket only.
  const before: Body = {
    ...one("NEW", `SET ${OPEN_VARIABLE} = NULL;`, given),
    atRest: `SET ${OPEN_VARIABLE} = ${bucketOf("NEW")};`,
  };
  const after: Body = {
    ...one("NEW", note("d_bucket", "NEW")),
    isAtRest: `${bucketOf("NEW")} = ${OPEN_VARIABLE}`,
  };
  return [
    trigger("BEFORE", "INSERT", textOf(isNumbered ? before : noted)),
    ...(isNumbered ? [trigger("AFTER", "INSERT", textOf(after))] : []),
    trigger("BEFORE", "UPDATE", textOf(update)),
    trigger("BEFORE", "DELETE", textOf(one("OLD", note("d_bucket", "OLD")))),
  ];
}

/** The statement that makes it. */
export function createTrigger(
  { name, table, timing, event, body: text }: Trigger,
  orReplace = false,
): string {
  const how = orReplace ? "CREATE OR REPLACE TRIGGER" : "CREATE TRIGGER";
  return `${how} ${quoteName(name)} ${timing} ${event} ON ${quoteName(table)} FOR EACH ROW ${text}`;
}

/** True for a trigger by that name that can only be one of ours. */
export function isOurTrigger(name: string, table: string): boolean {
  return (["INSERT", "UPDATE", "DELETE"] as const).some((event) =>
    (["BEFORE", "AFTER"] as const).some((timing) => nameOf(table, timing, event) === name),
  );
}

/** Names of triggers are unique in a database, and no longer than those of tables. */
function nameOf(table: string, timing: Trigger["timing"], event: Trigger["event"]): string {
  const name = `dcs_${timing[0]}${event[0]}_`.toLowerCase() + table;
  if (name.length <= MOST_NAME) return name;
  const digest = createHash("sha256").update(table).digest("hex").slice(0, 8);
  return `${name.slice(0, MOST_NAME - 9)}_${digest}`;
}

interface Body {
  /** Whose buckets must be the mover's, in its session. */
  readonly rows: readonly [Row, ...Row[]];
  readonly bucketOf: (row: Row) => string;
  /** True where there is nothing to note or refuse, the lock being held. */
  readonly isAtRest: string;
  /** What is done then. */
  readonly atRest?: string;
  /** What is done else, from its declarations on. */
  readonly otherwise: readonly string[];
}

/**
 * Rows of buckets at rest, which are nearly all, go by one condition with one read in it: each further instruction and each
 * variable costs its time a row, and a SELECT INTO more than the same read as a value.
 */
function textOf({ rows, bucketOf, isAtRest, atRest = "BEGIN END;", otherwise }: Body): string {
  const isMovers = rows.map((row) => `${bucketOf(row)} = ${MOVER_VARIABLE}`).join(" AND ");
  return [
    "BEGIN",
    `IF ${MOVER_VARIABLE} IS NULL THEN`,
    `IF ${isAtRest} THEN ${atRest}`,
    "ELSE BEGIN",
    ...otherwise,
    "END; END IF;",
    `ELSEIF NOT (${isMovers}) THEN BEGIN`,
    `DECLARE d_text VARCHAR(128) CHARACTER SET utf8mb4 DEFAULT CONCAT('DCS_MOVER bucket=', ${MOVER_VARIABLE}, ' row=', ${bucketOf(rows[0])});`,
    `SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = ${MOVER_ERRNO}, MESSAGE_TEXT = d_text;`,
    "END; END IF;",
    "END",
  ].join("\n");
}

/**
 * Refuses NULL for a column of the primary key. A loose sql_mode or IGNORE makes a 0 of it after we have looked, and the log would
 * name a row that there is not. By a number of our own: IGNORE makes warnings of some of the servers'.
 */
function noNulls(columns: readonly ColumnInfo[]): readonly string[] {
  if (columns.length === 0) return [];
  const isNull = columns.map(({ name }) => `NEW.${quoteName(name)} IS NULL`).join(" OR ");
  return [
    `IF ${isNull} THEN SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = ${PRIMARY_NULL_ERRNO}, MESSAGE_TEXT = 'DCS: a column of the primary key cannot be NULL'; END IF;`,
  ];
}

/** The condition that none of them is, before another one. */
function notNull(columns: readonly ColumnInfo[]): string {
  return columns.map(({ name }) => `NEW.${quoteName(name)} IS NOT NULL AND `).join("");
}

const DECLARE_STATE = "DECLARE d_state VARCHAR(8) CHARACTER SET ascii;";

function declareBucket(name: string, bucket: string): string {
  return `DECLARE ${name} INT UNSIGNED DEFAULT ${bucket};`;
}

function isOwned(bucket: string): string {
  return `(SELECT state FROM ${BUCKET_TABLE} WHERE bucket = ${bucket} LOCK IN SHARE MODE) = 'owned'`;
}

/** Refuses unless the bucket is open here; `noted` is what to do where it is moving. */
function guard(bucket: string, noted: string): string {
  const row = `FROM ${BUCKET_TABLE} WHERE bucket = ${bucket} LOCK IN SHARE MODE`;
  return [
    `SELECT state INTO d_state ${row};`,
    "IF d_state = 'owned' THEN BEGIN END;",
    `ELSEIF d_state = 'moving' THEN ${noted}`,
    "ELSE BEGIN",
    "DECLARE d_epoch BIGINT UNSIGNED;",
    "DECLARE d_owner VARCHAR(64) CHARACTER SET ascii;",
    "DECLARE d_text VARCHAR(128) CHARACTER SET utf8mb4;",
    // A loose sql_mode would make a 0 of it after we have looked.
    `IF ${bucket} IS NULL THEN SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1048, MESSAGE_TEXT = 'DCS: the shard key cannot be NULL'; END IF;`,
    `SELECT epoch, owner INTO d_epoch, d_owner ${row};`,
    `SET d_text = CONCAT('DCS_MOVED bucket=', ${bucket}, ' epoch=', IFNULL(d_epoch, 0), ' owner=', IFNULL(d_owner, ''));`,
    `SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = ${MOVED_ERRNO}, MESSAGE_TEXT = d_text;`,
    "END; END IF;",
  ].join("\n");
}

function known(sql: string | null, { name }: ShardTable): string {
  if (sql === null) throw new TypeError(`table ${name} has a key of a type that cannot be sharded`);
  return sql;
}
