import { fromBytes } from "../../mysql/mysql-connection.ts";
import { fill } from "../../mysql/sql-text.ts";
import type { MoverSession } from "./mover-session.ts";
import { SQL } from "./statements.generated.ts";

/** Of a copy: for which epoch and between which two servers (their identities) it was begun. */
export interface ProgressHeader {
  readonly epoch: number;
  readonly source: string;
  readonly target: string;
  readonly isComplete: boolean;
}

export interface TableProgress {
  /** The last primary key that was copied, as SQL writes it, one character a byte; null before the first. */
  readonly reached: string | null;
  readonly isComplete: boolean;
  readonly copied: number;
}

/** How far the copy of a bucket is, as its target has it. */
export interface Progress extends ProgressHeader {
  /** Rows of all tables. */
  readonly copied: number;
  /** By name; those that were begun. */
  readonly tables: ReadonlyMap<string, TableProgress>;
}

/** Null when no copy was begun. */
export async function readProgress(dst: MoverSession, bucket: number): Promise<Progress | null> {
  const [rows = []] = await dst.sendBytes([fill(SQL["progress-read"], { bucket })]);
  const header = rows.find((row) => row["tbl"] === "");
  if (header === undefined) return null;
  const tables = new Map<string, TableProgress>();
  for (const row of rows) {
    if (row === header) continue;
    const { reached = null } = row;
    tables.set(fromBytes(String(row["tbl"])), {
      reached: reached === null ? null : String(reached),
      isComplete: Number(row["is_complete"]) === 1,
      copied: Number(row["copied"]),
    });
  }
  return {
    epoch: Number(header["epoch"]),
    source: fromBytes(String(header["source"])),
    target: fromBytes(String(header["target"])),
    isComplete: Number(header["is_complete"]) === 1,
    copied: [...tables.values()].reduce((sum, { copied }) => sum + copied, 0),
    tables,
  };
}

/** Statements that begin a copy anew, for a transaction at the target. */
export function progressHeaderSql(bucket: number, header: ProgressHeader): readonly string[] {
  const { epoch, source, target, isComplete } = header;
  return [
    ...progressClearSql(bucket),
    fill(SQL["progress-begin"], { bucket, epoch, source, target, isComplete }),
  ];
}

/** Statements that forget a copy. */
export function progressClearSql(bucket: number): readonly string[] {
  return [fill(SQL["progress-clear"], { bucket })];
}
