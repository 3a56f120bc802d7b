import { DcsError } from "../../errors.ts";
import type { MysqlResult } from "../../mysql/mysql-connection.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import { fill, listOf } from "../../mysql/sql-text.ts";
import type { Keyspace, ShardTable } from "../keyspace.ts";
import { BUCKET_COLUMN } from "../names.ts";
import type { SchemaSession } from "./server-info.ts";
import { SQL } from "./statements.generated.ts";

/** The layout of dcs's tables and triggers that this dcs makes. */
export const SCHEMA_VERSION = 1;

/** What a database says of the keyspace that its triggers were made for. */
export interface SchemaRecord {
  readonly version: number;
  readonly name: string;
  readonly shard: string;
  readonly buckets: number;
  readonly hash: string;
  readonly tables: readonly ShardTable[];
}

/** A trigger as the server has it. */
export interface FoundTrigger {
  readonly name: string;
  readonly table: string;
  readonly timing: string;
  readonly event: string;
  readonly body: string;
  readonly sqlMode: string;
  /** Its place among those of the same time and event, from 1. */
  readonly order: number;
}

/** What of dcs a table has. */
export interface FoundTable {
  /** The expression of its bucket column; empty for a column that is not generated. Null without the column. */
  readonly expression: string | null;
  /** Columns of the index of that column; empty without one. */
  readonly index: readonly string[];
  /** All triggers of the table, dcs's or not. */
  readonly triggers: readonly FoundTrigger[];
}

/** Null for a database without dcs's tables. Rejects with a MysqlError. */
export async function readRecord(session: SchemaSession): Promise<SchemaRecord | null> {
  try {
    const [[row] = []] = await session.send([SQL["read-keyspace"]]);
    if (row === undefined) return null;
    return {
      version: Number(row["version"]),
      name: String(row["name"]),
      shard: String(row["shard"]),
      buckets: Number(row["buckets"]),
      hash: String(row["hash"]),
      tables: JSON.parse(String(row["tables"])) as ShardTable[],
    };
  } catch (error) {
    if (isMysqlError(error, "no-table")) return null;
    throw error;
  }
}

/** A row of `dcs_bucket`, as far as it counts here. */
export interface FoundBucket {
  readonly bucket: number;
  readonly state: string;
  readonly epoch: number;
  readonly token: number;
  readonly owner: string;
}

/** None without the table. Rejects with a MysqlError. */
export async function readBuckets(session: SchemaSession): Promise<readonly FoundBucket[]> {
  try {
    const [rows = []] = await session.send([SQL["read-buckets"]]);
    return rows.map((row) => ({
      bucket: Number(row["bucket"]),
      state: String(row["state"]),
      epoch: Number(row["epoch"]),
      token: Number(row["token"]),
      owner: String(row["owner"]),
    }));
  } catch (error) {
    if (isMysqlError(error, "no-table")) return [];
    throw error;
  }
}

/** What of dcs each of these tables has, by name. Rejects with a MysqlError. */
export async function readFound(
  session: SchemaSession,
  names: readonly string[],
): Promise<ReadonlyMap<string, FoundTable>> {
  if (names.length === 0) return new Map();
  const values = { names: listOf(names), column: BUCKET_COLUMN };
  const [columns = [], keys = [], triggers = []] = await session.send([
    fill(SQL["found-columns"], values),
    fill(SQL["found-keys"], values),
    fill(SQL["found-triggers"], values),
  ]);
  return new Map(
    names.map((name) => {
      const column = columns.find((row) => row["tbl"] === name);
      return [
        name,
        {
          expression: column === undefined ? null : String(column["expression"] ?? ""),
          index: keys.filter((row) => row["tbl"] === name).map((row) => String(row["col"])),
          triggers: triggersIn(triggers).filter(({ table }) => table === name),
        },
      ];
    }),
  );
}

/** Only their triggers, which is quicker. Rejects with a MysqlError. */
export async function readTriggers(
  session: SchemaSession,
  names: readonly string[],
): Promise<readonly FoundTrigger[]> {
  const [rows = []] = await session.send([fill(SQL["found-triggers"], { names: listOf(names) })]);
  return triggersIn(rows);
}

function triggersIn(rows: MysqlResult): readonly FoundTrigger[] {
  return rows.map((row) => ({
    name: String(row["name"]),
    table: String(row["tbl"]),
    timing: String(row["timing"]),
    event: String(row["event"]),
    body: String(row["body"]),
    sqlMode: String(row["modes"]),
    order: Number(row["place"]),
  }));
}

/** Of a keyspace's tables, what counts when two sides are compared. */
export function tablesText(tables: readonly ShardTable[]): string {
  return JSON.stringify(
    tables
      .map(({ name, key, primaryKey }) => ({ name, key, primaryKey }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );
}

/**
 * SHARD_SCHEMA_NEWER, or SHARD_SCHEMA_MISMATCH that names what differs, unless the database was set up for this keyspace and
 * shard; SHARD_SCHEMA_MISSING when it was not set up at all.
 */
export function checkRecord(record: SchemaRecord | null, keyspace: Keyspace, shard: string): void {
  if (record === null) {
    throw new DcsError("SHARD_SCHEMA_MISSING", `the database of shard ${shard} has no tables of dcs`, {
      details: { shard, keyspace: keyspace.name },
    });
  }
  if (record.version > SCHEMA_VERSION) {
    throw new DcsError(
      "SHARD_SCHEMA_NEWER",
      `the database of shard ${shard} was set up by a newer dcs: its layout is ${record.version}, and this one knows ${SCHEMA_VERSION}`,
      { details: { shard, version: record.version, wanted: SCHEMA_VERSION } },
    );
  }
  const wanted = { ...keyspace, version: SCHEMA_VERSION, shard, tables: tablesText(keyspace.tables) };
  const found = { ...record, tables: tablesText(record.tables) };
  const differs = (["version", "name", "shard", "buckets", "hash", "tables"] as const).filter(
    (each) => wanted[each] !== found[each],
  );
  if (differs.length === 0) return;
  const each = differs.map((name) => `${name} ${found[name]} (not ${wanted[name]})`);
  throw new DcsError(
    "SHARD_SCHEMA_MISMATCH",
    `the database of shard ${shard} was set up for another layout: ${each.join(", ")}`,
    { details: { shard, differs, found, wanted } },
  );
}
