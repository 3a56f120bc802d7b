import { toBytes } from "../../mysql/mysql-connection.ts";
import { BUCKET_COLUMN } from "../names.ts";
import { literalsSql } from "../schema/literal-sql.ts";
import { type ColumnInfo, quoteName, type TableInfo } from "../schema/table-info.ts";
import { splitLiterals } from "./split-literals.ts";

/** What a mover copies. The tables as the source has them; those of the target are the same. */
export interface MoveTables {
  readonly tables: readonly TableInfo[];
}

/** Whose values are read as bytes, their length before them. The text of the others has no comma. */
const OF_BYTES =
  /^(char|varchar|.*(text|blob)|binary|varbinary|json|geometry|point|.*(linestring|polygon|collection)|multipoint)$/;

/** A primary key as SQL writes it: `12,'a'`. One character a byte. */
export type PkText = string;

/**
 * The statements of one bucket of one table, one character a byte. Every condition on keys can use the index over bucket and
 * primary key, and leaves their order to the server: each collation has its own.
 */
export class TableSql {
  /** As SQL and the log have it. */
  readonly name: string;
  readonly #table: string;
  readonly #from: string;
  readonly #bucket: number;
  readonly #pk: readonly ColumnInfo[];
  readonly #pkNames: readonly string[];
  readonly #columns: string;
  readonly #row: string;
  readonly #pkText: string;
  readonly #digest: string;

  /** Throws a TypeError for a type that is not known, which preflight refuses. */
  constructor(table: TableInfo, bucket: number) {
    const written = table.columns.filter((column) => !column.isGenerated);
    const primary = table.keys.find((key) => key.name === "PRIMARY");
    const pk = (primary?.columns ?? []).flatMap((name) => table.columns.filter((each) => each.name === name));
    const reference = (name: string) => quoteName(name);
    const row = literalsSql(written, reference);
    const pkText = pk.length === 0 ? null : literalsSql(pk, reference);
    if (row === null || pkText === null) {
      throw new TypeError(
        `table ${table.name} cannot be copied: no primary key, or a column of an unknown type`,
      );
    }
    this.name = toBytes(table.name);
    this.#bucket = bucket;
    this.#table = toBytes(quoteName(table.name));
    // The optimizer thinks well of reading a bucket from its beginning and dropping what is behind the cursor.
    this.#from = `FROM ${this.#table} FORCE INDEX (${BUCKET_COLUMN}) WHERE ${BUCKET_COLUMN} = ${bucket}`;
    this.#pk = pk;
    this.#pkNames = pk.map((column) => toBytes(reference(column.name)));
    this.#columns = toBytes(written.map((column) => reference(column.name)).join(", "));
    this.#row = toBytes(row);
    this.#pkText = toBytes(pkText);
    this.#digest = toBytes(
      `CAST(CONV(LEFT(MD5(CONCAT(${written.map(digestSql).join(", ")})), 16), 16, 10) AS UNSIGNED)`,
    );
  }

  /** The key of the `rows`th row behind `after` as `pk`; no row where there are fewer. */
  bound(after: PkText | null, rows: number): string {
    return `SELECT ${this.#pkText} AS pk ${this.#from}${this.#behind(after)} ORDER BY ${this.#pkNames.join(", ")} LIMIT ${rows - 1}, 1`;
  }

  /** Rows behind `after` up to `bound` as `rows_text`, `(1,'a'),(2,'b')`, and how many as `rows_read`. */
  readRange(after: PkText | null, bound: PkText | null): string {
    return `${this.#readRows()} ${this.#from}${this.#behind(after)}${this.#upTo(bound)}`;
  }

  /** As `readRange`, of these keys, where they are in this bucket. */
  readKeys(keys: readonly PkText[]): string {
    return `${this.#readRows()} FROM ${this.#table} WHERE ${BUCKET_COLUMN} = ${this.#bucket} AND ${this.#oneOf(keys)}`;
  }

  replace(rowsText: string): string {
    return `REPLACE INTO ${this.#table} (${this.#columns}) VALUES ${rowsText}`;
  }

  deleteKeys(keys: readonly PkText[]): string {
    return this.#delete(`AND ${this.#oneOf(keys)}`);
  }

  /** The first rows of the bucket. Says how many as ROW_COUNT(). */
  deleteFirst(rows: number): string {
    return this.#delete(`ORDER BY ${this.#pkNames.join(", ")} LIMIT ${rows}`);
  }

  /** Rows behind `after` up to `bound`: how many as `rows_read`, and their digest, as `digest`. */
  digestRange(after: PkText | null, bound: PkText | null): string {
    return `SELECT COUNT(*) AS rows_read, BIT_XOR(${this.#digest}) AS digest ${this.#from}${this.#behind(after)}${this.#upTo(bound)}`;
  }

  /** Key (`pk`) and digest of each row behind `after` up to `bound`, the first so many. */
  digestRows(after: PkText | null, bound: PkText | null, rows: number): string {
    return `SELECT ${this.#pkText} AS pk, ${this.#digest} AS digest ${this.#from}${this.#behind(after)}${this.#upTo(bound)} ORDER BY ${this.#pkNames.join(", ")} LIMIT ${rows}`;
  }

  digestKeys(keys: readonly PkText[]): string {
    return `SELECT ${this.#pkText} AS pk, ${this.#digest} AS digest FROM ${this.#table} WHERE ${BUCKET_COLUMN} = ${this.#bucket} AND ${this.#oneOf(keys)}`;
  }

  /**
   * By keys that are found in the bucket's index first. Left to itself the server reads a small table from end to end, and waits for
   * each row that a transaction of another bucket has locked.
   */
  #delete(which: string): string {
    const on = this.#pkNames.map((name) => `${this.#table}.${name} = dcs_found.${name}`).join(" AND ");
    // DISTINCT keeps the two from being made one again.
    const found = `SELECT DISTINCT ${this.#pkNames.join(", ")} ${this.#from} ${which}`;
    return `DELETE ${this.#table} FROM (${found}) AS dcs_found STRAIGHT_JOIN ${this.#table} ON ${on}`;
  }

  #readRows(): string {
    return `SELECT COUNT(*) AS rows_read, GROUP_CONCAT('(', ${this.#row}, ')' SEPARATOR ',') AS rows_text`;
  }

  #behind(after: PkText | null): string {
    return after === null ? "" : ` AND ${this.#compare(after, ">")}`;
  }

  #upTo(bound: PkText | null): string {
    return bound === null ? "" : ` AND (${this.#compare(bound, "<")} OR ${this.#oneOf([bound])})`;
  }

  /** Comparing whole rows `(a, b) > (1, 2)` is right but uses no index. */
  #compare(key: PkText, operator: "<" | ">"): string {
    const values = splitLiterals(key);
    const cases = this.#pkNames.map((name, i) => {
      const equal = this.#pkNames.slice(0, i).map((each, j) => `${each} = ${values[j]}`);
      return [...equal, `${name} ${operator} ${values[i]}`].join(" AND ");
    });
    return cases.length === 1 ? (cases[0] ?? "") : `(${cases.map((each) => `(${each})`).join(" OR ")})`;
  }

  #oneOf(keys: readonly PkText[]): string {
    if (this.#pk.length === 1) return `${this.#pkNames[0]} IN (${keys.join(",")})`;
    return `(${this.#pkNames.join(",")}) IN (${keys.map((key) => `(${key})`).join(",")})`;
  }
}

/** A column's value as bytes, so that no two lists of values give the same: what is no number or date has its length before it. */
function digestSql({ name, dataType }: ColumnInfo): string {
  const value = quoteName(name);
  if (OF_BYTES.test(dataType)) {
    return `IFNULL(CONCAT(LENGTH(${value}), ':', CAST(${value} AS BINARY)), 'N')`;
  }
  // As text a FLOAT loses digits; the others are numbers to the server.
  const isReal = dataType === "float" || dataType === "double";
  const isNumber = dataType === "bit" || dataType === "enum" || dataType === "set";
  const exact = isReal ? `${value} * 1e0` : isNumber ? `CAST(${value} AS UNSIGNED)` : value;
  return `IFNULL(CAST(${exact} AS BINARY), 'N'), ','`;
}
