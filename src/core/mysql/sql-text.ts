/** What may stand for a placeholder: a value, or a piece of SQL made of others. */
export type SqlValue = string | number | boolean | null | SqlText;

/** SQL that is put in as it is. */
export class SqlText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * A value as SQL writes it, for sessions in utf8mb4 without NO_BACKSLASH_ESCAPES (MySQL Reference Manual, "String
 * Literals": nothing else must be escaped). Of our own, because the statements of a batch are put together before there is a session.
 */
export function literal(value: SqlValue): string {
  if (value instanceof SqlText) return value.text;
  if (value === null) return "NULL";
  if (typeof value === "boolean") return value ? "1" : "0";
  if (typeof value === "string") return `'${value.replace(/['\\]/g, "\\$&")}'`;
  if (!Number.isFinite(value)) throw new TypeError(`${value} cannot be written to a database`);
  return String(value);
}

/** Puts values in place of the `:names` of a statement, once: what is put in is not looked at again. */
export function fill(statement: string, values: Readonly<Record<string, SqlValue>>): string {
  return statement.replace(/:([a-z]\w*)/gi, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new TypeError(`nothing is given for :${name}`);
    return literal(value);
  });
}

/** Values side by side: `'a', 'b'`. */
export function listOf(values: readonly SqlValue[]): SqlText {
  return new SqlText(values.map(literal).join(", "));
}

/** Rows as a query, to be joined with tables. The one way to write that MySQL 8 and MariaDB both read. */
export function rowsOf(rows: readonly Readonly<Record<string, SqlValue>>[]): SqlText {
  const [first = {}] = rows;
  const names = Object.keys(first);
  return new SqlText(
    rows
      .map((row, i) => {
        const cells = names.map((name) => literal(row[name] ?? null) + (i === 0 ? ` AS ${name}` : ""));
        return `SELECT ${cells.join(", ")}`;
      })
      .join(" UNION ALL "),
  );
}

/** Rows as VALUES takes them, in the order of the first one's names: `('a', 1), ('b', 2)`. */
export function valuesOf(rows: readonly Readonly<Record<string, SqlValue>>[]): SqlText {
  const names = Object.keys(rows[0] ?? {});
  return new SqlText(
    rows.map((row) => `(${names.map((name) => literal(row[name] ?? null)).join(", ")})`).join(", "),
  );
}
