import { DcsError } from "../../errors.ts";
import { fromBytes } from "../../mysql/mysql-connection.ts";
import type { MoverSession } from "./mover-session.ts";
import type { PkText, TableSql } from "./table-sql.ts";

/** Rows of the first chunk of a table: their size is not known yet. */
const FIRST_ROWS = 64;
const MOST_ROWS = 20_000;

/** Rows of a table as SQL writes them, one character a byte. */
export interface RowsText {
  readonly rows: number;
  /** `(1,'a'),(2,'b')`; null for no rows. */
  readonly text: string | null;
}

export interface Chunk extends RowsText {
  /** The last key of it; null when there is nothing behind it. */
  readonly bound: PkText | null;
}

/** How many rows to ask for, by the size of those that were seen. */
export class ChunkSize {
  readonly #bytes: number;
  /** Longest text that can be sent, bytes. */
  readonly limit: number;
  rows = FIRST_ROWS;

  constructor(bytes: number, limit: number) {
    this.#bytes = bytes;
    // The rest of the statement, and a margin.
    this.limit = limit - 64 * 1024;
  }

  saw(rows: number, bytes: number): void {
    const wanted = Math.floor((this.#bytes * rows) / Math.max(1, bytes));
    this.rows = Math.max(1, Math.min(wanted, this.rows * 8, MOST_ROWS));
  }
}

/** Reads the rows behind a key, a chunk of them. Rejects with a MysqlError, or SHARD_ROW_TOO_LARGE. */
export async function readChunk(
  session: MoverSession,
  table: TableSql,
  after: PkText | null,
  size: ChunkSize,
  name: string,
): Promise<Chunk> {
  for (;;) {
    const asked = size.rows;
    const [[end] = []] = await session.sendBytes([table.bound(after, asked)]);
    const bound = end === undefined ? null : String(end["pk"]);
    const read = await readRows(session, table.readRange(after, bound), size.limit);
    if (read !== null) {
      if (read.text !== null) size.saw(read.rows, read.text.length);
      return { ...read, bound };
    }
    if (asked === 1) throw tooLarge(name, bound, size.limit);
    size.rows = Math.max(1, Math.floor(asked / 8));
  }
}

/** What `readRange` or `readKeys` gives; null when it is longer than can be sent. */
export async function readRows(
  session: MoverSession,
  statement: string,
  limit: number,
): Promise<RowsText | null> {
  // The server cuts GROUP_CONCAT short, or gives NULL for a row that is too long, and says so in a warning only.
  const [[read] = [], [after] = []] = await session.sendBytes([
    statement,
    "SELECT @@warning_count AS warnings",
  ]);
  const text = read?.["rows_text"] ?? null;
  if (Number(after?.["warnings"]) > 0) return null;
  const rows = Number(read?.["rows_read"] ?? 0);
  if ((text === null) !== (rows === 0)) return null;
  if (text !== null && String(text).length > limit) return null;
  return { rows, text: text === null ? null : String(text) };
}

export function tooLarge(table: string, pk: PkText | null, limit: number): Error {
  const which = pk === null ? "" : ` with primary key ${fromBytes(pk)}`;
  return new DcsError(
    "SHARD_ROW_TOO_LARGE",
    `a row of ${table}${which} is longer as SQL than ${limit} bytes`,
    { details: { table, limit } },
  );
}
