import { fill, listOf, SqlText } from "../../mysql/sql-text.ts";
import type { BucketOwner, Keyspace, ShardTable } from "../keyspace.ts";
import { BUCKET_COLUMN } from "../names.ts";
import { bucketSql } from "./bucket-sql.ts";
import {
  checkRecord,
  type FoundBucket,
  type FoundTable,
  readBuckets,
  readFound,
  readRecord,
  SCHEMA_VERSION,
  tablesText,
} from "./schema-state.ts";
import type { Dialect, SchemaSession } from "./server-info.ts";
import { SQL } from "./statements.generated.ts";
import { quoteName, readTables, type TableInfo } from "./table-info.ts";
import { createTrigger, type Trigger, triggersOf } from "./triggers.ts";

/** What the triggers run in, whoever fires them. */
export const TRIGGER_SQL_MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO";
/** Whoever waits for a table stalls its writers: after so long it is given up, seconds. */
const TABLE_WAIT_S = 3;

export interface InstallSpec {
  readonly keyspace: Keyspace;
  /** Whose database this is. */
  readonly shard: string;
  /** By bucket: those of `shard` are made `owned` here, all others `gone`. What a mover has touched stays as it is. */
  readonly owners: readonly BucketOwner[];
  readonly dialect: Dialect;
  /** Adds the bucket column without copying the table; always so on MySQL. */
  readonly virtual?: boolean;
  /** Says what would be done, and does nothing. The tables may not be there yet. */
  readonly dryRun?: boolean;
  /** The tables where they are known; else they are read. */
  readonly tables?: ReadonlyMap<string, TableInfo>;
}

/**
 * Makes what dcs needs in a database whose tables are there, and are what `preflightTables` lets pass. What is there already is
 * left alone, so an interrupted one can be run again. Safe while applications write: the rows of buckets are there, and say who
 * owns what, before the first trigger reads them; a write before its table's trigger is an ordinary one, and no move begins before the
 * keyspace is in the store. Resolves with the statements, none
 * where nothing was missing. SHARD_SCHEMA_MISMATCH, SHARD_SCHEMA_NEWER; rejects with a MysqlError,
 * `conflict` when a transaction kept a table for too long.
 */
export async function installSchema(session: SchemaSession, spec: InstallSpec): Promise<readonly string[]> {
  const { keyspace, shard } = spec;
  const names = keyspace.tables.map(({ name }) => name);
  const record = await readRecord(session);
  if (record !== null) checkRecord(record, keyspace, shard);
  const tables = spec.tables ?? (await readTables(session, names));
  const found = await readFound(session, names);
  const missing = [
    ...(record === null ? tablesOfDcs(spec) : []),
    ...bucketRows(spec, record === null ? [] : await readBuckets(session)),
    ...keyspace.tables.flatMap((table) => {
      const info = tables.get(table.name);
      if (info === undefined) throw new TypeError(`there is no table ${table.name}`);
      const there = found.get(table.name) ?? { expression: null, index: [], triggers: [] };
      return [...columnOf(table, info, there, spec), ...missingTriggers(table, info, there, spec)];
    }),
  ];
  if (missing.length === 0) return [];
  const statements = [
    `SET SESSION sql_mode = '${TRIGGER_SQL_MODE}', lock_wait_timeout = ${TABLE_WAIT_S}, collation_connection = utf8mb4_bin`,
    ...missing,
  ];
  if (spec.dryRun !== true) for (const statement of statements) await session.send([statement]);
  return statements;
}

function tablesOfDcs({ keyspace, shard }: InstallSpec): readonly string[] {
  const { name, buckets, hash } = keyspace;
  const tables = tablesText(keyspace.tables);
  return [
    SQL["table-bucket"],
    SQL["table-log"],
    SQL["table-progress"],
    SQL["table-keyspace"],
    fill(SQL["put-keyspace"], { version: SCHEMA_VERSION, name, shard, buckets, hash, tables }),
  ];
}

/** Only rows that differ are written: whoever writes waits for applications, and makes them wait. */
function bucketRows(
  { keyspace, shard, owners }: InstallSpec,
  found: readonly FoundBucket[],
): readonly string[] {
  const rows = new Map(found.map((row) => [row.bucket, row]));
  const wanted = (owner: string) =>
    owner === shard ? { state: "owned", epoch: 1, owner } : { state: "gone", epoch: 0, owner };
  const differs = [...owners.keys()].filter((bucket) => {
    const row = rows.get(bucket);
    const want = wanted(owners[bucket]?.shard ?? "");
    if (row === undefined) return true;
    return (
      row.token === 0 && (row.state !== want.state || row.epoch !== want.epoch || row.owner !== want.owner)
    );
  });
  if (differs.length === 0) return [];
  return [
    // In one step: where the triggers are there already, none may read a row in between.
    "START TRANSACTION",
    ...(found.length < keyspace.buckets ? [fill(SQL["fill-buckets"], { buckets: keyspace.buckets })] : []),
    ...[...Map.groupBy(differs, (bucket) => owners[bucket]?.shard ?? "")].map(([owner, which]) =>
      fill(SQL["own-buckets"], { ...wanted(owner), which: rangesOf(which) }),
    ),
    "COMMIT",
  ];
}

/** Numbers that grow, as a condition: `bucket BETWEEN 0 AND 99 OR bucket IN (200, 300)`. */
function rangesOf(numbers: readonly number[]): SqlText {
  const ranges: [from: number, to: number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  const single = ranges.filter(([from, to]) => from === to).map(([from]) => from);
  return new SqlText(
    [
      ...ranges.filter(([from, to]) => from < to).map(([from, to]) => `bucket BETWEEN ${from} AND ${to}`),
      ...(single.length === 0 ? [] : [`bucket IN (${listOf(single).text})`]),
    ].join(" OR "),
  );
}

/** A stored column copies the table once; MariaDB's indexed virtual ones have lost rows (MDEV-38140, MDEV-39261). */
function columnOf(
  table: ShardTable,
  info: TableInfo,
  { expression, index }: FoundTable,
  { keyspace, dialect, virtual }: InstallSpec,
): readonly string[] {
  const key = info.columns.find(({ name }) => name === table.key);
  const sql = key === undefined ? null : bucketSql(key, quoteName(table.key), keyspace.buckets);
  const isVirtual = dialect === "mysql" || virtual === true;
  const name = quoteName(BUCKET_COLUMN);
  const parts = [BUCKET_COLUMN, ...table.primaryKey].map(quoteName).join(", ");
  const addColumn = `ADD COLUMN ${name} INT UNSIGNED GENERATED ALWAYS AS (${sql}) ${isVirtual ? "VIRTUAL" : "STORED"} INVISIBLE`;
  const addIndex = `ADD KEY ${name} (${parts})`;
  const alter = `ALTER TABLE ${quoteName(table.name)}`;
  const wanted = [...(expression === null ? [addColumn] : []), ...(index.length === 0 ? [addIndex] : [])];
  // Of a virtual column the two are quick only one by one; of a stored one each of them copies the table.
  if (isVirtual) return wanted.map((each) => `${alter} ${each}`);
  return wanted.length === 0 ? [] : [`${alter} ${wanted.join(", ")}`];
}

function missingTriggers(
  table: ShardTable,
  info: TableInfo,
  { triggers }: FoundTable,
  { keyspace, dialect }: InstallSpec,
): readonly string[] {
  return triggersOf(table, info, keyspace).flatMap((trigger) => {
    const there = triggers.find(({ name }) => name === trigger.name);
    if (there === undefined) return [createTrigger(trigger)];
    if (isSameTrigger(there, trigger)) return [];
    if (dialect === "mariadb") return [createTrigger(trigger, true)];
    // MySQL cannot replace one: nobody may write in between.
    return [
      `LOCK TABLES ${quoteName(table.name)} WRITE`,
      `DROP TRIGGER ${quoteName(trigger.name)}`,
      createTrigger(trigger),
      "UNLOCK TABLES",
    ];
  });
}

/** Whether a server's trigger is the one that must stand there. */
export function isSameTrigger(
  found: Pick<FoundTable["triggers"][number], "timing" | "event" | "body" | "sqlMode">,
  wanted: Trigger,
): boolean {
  return (
    found.timing === wanted.timing &&
    found.event === wanted.event &&
    found.body === wanted.body &&
    !found.sqlMode.includes("NO_BACKSLASH_ESCAPES")
  );
}
