import { isMysqlError } from "../../mysql/mysql-error.ts";
import { MOVER_ERRNO } from "../names.ts";
import type { Lane } from "./lane.ts";
import { type MoverAt, moverBytes } from "./mover-transaction.ts";
import { readRows, tooLarge } from "./read-chunk.ts";
import { type MoveTables, type PkText, TableSql } from "./table-sql.ts";

/** One row's place. */
export interface RowKey {
  readonly table: string;
  /** Its primary key as SQL writes it, one character a byte. */
  readonly pk: PkText;
}

export interface Sides {
  /** Reads at the source. */
  readonly src: Lane;
  /** Writes at the target. */
  readonly dst: Lane;
  readonly at: MoverAt;
  readonly tables: MoveTables;
  readonly signal: AbortSignal;
}

/** Keys of one DELETE, and the text of their rows, at most. */
const MOST_KEYS = 500;
/** Room for the keys in a statement beside the rows. */
const SPARE_BYTES = 64 * 1024;

/**
 * Makes rows at the target what they are at the source: deletes them by key and bucket, and puts what was found. The rows are read
 * after the call, so a key that is in the log before it may be struck from the log after it. Says how many were written. Rejects
 * with Superseded, a MysqlError, SHARD_ROW_TOO_LARGE.
 */
export async function applyKeys(sides: Sides, keys: readonly RowKey[]): Promise<number> {
  let written = 0;
  for (const [name, ofTable] of Map.groupBy(keys, (key) => key.table)) {
    const table = tableOf(sides, name);
    const pks = [...new Set(ofTable.map((key) => key.pk))];
    for (let from = 0; from < pks.length; from += MOST_KEYS) {
      written += await applySome(sides, table, name, pks.slice(from, from + MOST_KEYS));
    }
  }
  return written;
}

/** The statements of a table by its name. Throws a TypeError for one that is not sharded. */
export function tableOf({ tables, at }: Pick<Sides, "tables" | "at">, name: string): TableSql {
  const info = tables.tables.find((each) => each.name === name);
  if (info === undefined) throw new TypeError(`table ${name} is in the log, and not in the keyspace`);
  return new TableSql(info, at.bucket);
}

async function applySome(
  sides: Sides,
  table: TableSql,
  name: string,
  pks: readonly PkText[],
): Promise<number> {
  const { src, dst, at, signal } = sides;
  const deletion = table.deleteKeys(pks);
  const limit = (await dst.session()).maxPacket - SPARE_BYTES - deletion.length;
  const read = await src.use((session) => readRows(session, table.readKeys(pks), limit), signal);
  if (read === null) {
    if (pks.length === 1) throw tooLarge(name, pks[0] ?? null, limit);
    const middle = Math.ceil(pks.length / 2);
    const first = await applySome(sides, table, name, pks.slice(0, middle));
    return first + (await applySome(sides, table, name, pks.slice(middle)));
  }
  const statements = read.text === null ? [deletion] : [deletion, table.replace(read.text)];
  try {
    await dst.use((session) => moverBytes(session, at, statements), signal);
  } catch (error) {
    // Two buckets may each wait for an old row of the other. What is deleted is still in the log, or is found missing by P5.
    if (isMysqlError(error) && error.errno === MOVER_ERRNO) {
      await dst.use((session) => moverBytes(session, at, [deletion]), signal);
    }
    throw error;
  }
  return read.rows;
}
