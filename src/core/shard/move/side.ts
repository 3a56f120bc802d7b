import { createHash } from "node:crypto";
import { DcsError } from "../../errors.ts";
import { MysqlConnection } from "../../mysql/mysql-connection.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import type { MysqlTarget } from "../../mysql/mysql-url.ts";
import { Lane } from "../data/lane.ts";
import { MoverSession } from "../data/mover-session.ts";
import type { Keyspace, Shard } from "../keyspace.ts";
import { readGrants } from "../schema/grants.ts";
import { isSameTrigger } from "../schema/install-schema.ts";
import { readTriggers } from "../schema/schema-state.ts";
import { type Dialect, readServer } from "../schema/server-info.ts";
import { readTables, type TableInfo } from "../schema/table-info.ts";
import { type Trigger, triggersOf } from "../schema/triggers.ts";
import { type BucketRow, BucketRows } from "./bucket-row.ts";
import type { MoveDeps } from "./move-deps.ts";
import { SchemaChanged, ServerChanged, ShardFailed } from "./move-errors.ts";

/** One of the two servers of a move, and what a runner has open to it. */
export interface Side {
  readonly shard: Shard;
  readonly target: MysqlTarget;
  readonly dialect: Dialect;
  /** Which server it is: another one after a failover. */
  readonly identity: string;
  /** The sharded tables as it has them, in the keyspace's order. */
  readonly tables: readonly TableInfo[];
  /** Identity and tables: a copy that was begun under another one counts for nothing. */
  readonly mark: string;
  readonly rows: BucketRows;
  /** The mover's one session for rows. */
  readonly lane: Lane;
  /** The bucket's row as this runner last read or wrote it. */
  seen: BucketRow;
}

/** What MySQL says of XA RECOVER to users without XA_RECOVER_ADMIN. */
const XA_REFUSED = 1401;
/** As long as the column of a progress row. */
const MARK_LENGTH = 255;

/** Connects to a shard. Rejects with ShardFailed, or a DcsError where the shard is not known. */
export async function openSide(name: string, deps: MoveDeps): Promise<Side> {
  const shard = shardOf(name, deps);
  const target = deps.target(shard);
  try {
    return await openAt(shard, target, deps);
  } catch (error) {
    if (!isMysqlError(error)) throw error;
    throw new ShardFailed({ shard: name, shown: target.shown }, error);
  }
}

async function openAt(shard: Shard, target: MysqlTarget, deps: MoveDeps): Promise<Side> {
  const { name } = shard;
  const { state, clock, options } = deps;
  const { timeoutMs } = options;
  let identity: string | null = null;
  const open = async () => {
    const connection = await MysqlConnection.open(target, clock, timeoutMs);
    const send = (statements: readonly string[]) => connection.send(statements, timeoutMs);
    await destroyUnless(connection, async () => {
      const server = await readServer({ send });
      if (identity !== null && server.identity !== identity) throw new ServerChanged(changed(name));
    });
    return connection;
  };
  const connection = await MysqlConnection.open(target, clock, timeoutMs);
  const send = (statements: readonly string[]) => connection.send(statements, timeoutMs);
  return destroyUnless(connection, async () => {
    const server = await readServer({ send });
    identity = server.identity;
    const names = state.keyspace.tables.map((table) => table.name);
    const found = await readTables({ send }, names);
    const tables = names.flatMap((each) => found.get(each) ?? []);
    const rows = await BucketRows.open(connection, open, { dialect: server.dialect, clock, timeoutMs });
    const side: Side = {
      shard,
      target,
      dialect: server.dialect,
      identity,
      tables,
      mark: markOf(identity, tables),
      rows,
      lane: new Lane(() => openSession(side, deps), clock),
      seen: { state: "gone", epoch: 0, token: 0 },
    };
    return side;
  });
}

/** One more session to the same server; after a failover it would be another one, and this attempt is at its end. */
export async function openSession(side: Side, deps: MoveDeps, waitTimeoutS?: number): Promise<MoverSession> {
  const wait = waitTimeoutS === undefined ? {} : { waitTimeoutS };
  const session = await MoverSession.open(side.target, deps.clock, deps.options.timeoutMs, wait);
  return destroyUnless(session, async () => {
    const { identity } = await readServer(session);
    if (identity !== side.identity) throw new ServerChanged(changed(side.shard.name));
    return session;
  });
}

export function destroySide(side: Side): void {
  side.rows[Symbol.dispose]();
  side.lane[Symbol.dispose]();
}

/**
 * The XA transactions that are prepared. MariaDB takes their shared locks from them at XA PREPARE, so the row of a bucket can be changed under
 * them, and what they wrote is committed later.
 */
export async function readPrepared({ rows: session }: Side): Promise<ReadonlySet<string>> {
  try {
    const [rows = []] = await session.send(["XA RECOVER"]);
    return new Set(rows.map((row) => Object.values(row).join(" ")));
  } catch (error) {
    // Preflight tells of a user who may not see them.
    if (isMysqlError(error, "auth") || (isMysqlError(error) && error.errno === XA_REFUSED)) return new Set();
    throw error;
  }
}

/**
 * Rejects with SchemaChanged when a table is not as it was when this attempt began; SHARD_SCHEMA_UNSUITABLE where a trigger is gone, or
 * is another one: writes may have passed unseen since everything was compared.
 */
export async function demandSameSchema(side: Side, keyspace: Keyspace): Promise<void> {
  const names = side.tables.map(({ name }) => name);
  const [found, triggers] = await Promise.all([readTables(side.rows, names), readTriggers(side.rows, names)]);
  for (const table of keyspace.tables) {
    const info = side.tables.find(({ name }) => name === table.name);
    if (info === undefined) continue;
    const lost = triggersOf(table, info, keyspace).find(
      (wanted) => !triggers.some((each) => each.name === wanted.name && isSameTrigger(each, wanted)),
    );
    if (lost !== undefined) throw (await unseen(side, lost)) ?? triggerLost(side.shard.name, lost);
  }
  const now = names.flatMap((each) => found.get(each) ?? []);
  if (markOf(side.identity, now) === side.mark) return;
  throw new SchemaChanged(`a table on shard ${side.shard.name} was changed while the bucket was copied`);
}

/** The tables as both sides must have them to copy rows between them. */
export function sameTables(src: Side, dst: Side): readonly TableInfo[] {
  for (const table of src.tables) {
    const other = dst.tables.find((each) => each.name === table.name);
    const [here, there] = [shapeOf(table), other === undefined ? null : shapeOf(other)];
    const at = here.findIndex((line, i) => line !== there?.[i]);
    if (there !== null && at === -1 && here.length === there.length) continue;
    const problem =
      there === null
        ? `${dst.shard.name} has no table ${table.name}`
        : `${src.shard.name} has ${here[at] ?? "nothing more"}, ${dst.shard.name} ${there[at === -1 ? here.length : at] ?? "nothing more"}`;
    throw new DcsError(
      "SHARD_SCHEMA_DIFFERS",
      `table ${table.name} is not the same on both sides: ${problem}`,
      {
        details: { table: table.name, src: src.shard.name, dst: dst.shard.name },
      },
    );
  }
  return src.tables;
}

/** What a copy depends on, a line each. */
function shapeOf({ columns, keys }: TableInfo): readonly string[] {
  const primary = keys.find(({ name }) => name === "PRIMARY")?.columns ?? [];
  return [
    ...columns.map((column) => {
      const charset = column.charset === null ? "" : ` ${column.charset}/${column.collation}`;
      const kind = `${column.isNullable ? " null" : ""}${column.isGenerated ? " generated" : ""}`;
      return `column ${column.name} ${column.columnType}${charset}${kind}`;
    }),
    `primary key (${primary.join(", ")})`,
  ];
}

function markOf(identity: string, tables: readonly TableInfo[]): string {
  const shape = tables.map((table) => [table.name, ...shapeOf(table)]);
  const digest = createHash("sha256").update(JSON.stringify(shape)).digest("hex").slice(0, 16);
  return `${identity.slice(0, MARK_LENGTH - digest.length - 1)}#${digest}`;
}

function shardOf(name: string, { state }: MoveDeps): Shard {
  const shard = state.shards.find((each) => each.name === name);
  if (shard !== undefined) return shard;
  const known = state.shards.map((each) => each.name);
  throw new DcsError("SHARD_CHANGED", `keyspace ${state.keyspace.name} has no shard ${name}`, {
    details: { shard: name, known },
  });
}

/** Triggers, or their bodies, are shown only to users who may change them. Null where the user may, or a role may give it the right. */
async function unseen(
  { rows: session, shard, target }: Side,
  { name, table }: Trigger,
): Promise<DcsError | null> {
  const [rows = []] = await session.send(["SHOW GRANTS"]);
  const grants = readGrants(rows.flatMap((row) => Object.values(row).map(String)));
  const { database } = target;
  if (grants.hasRoles || grants.has("TRIGGER", database)) return null;
  return new DcsError(
    "SHARD_AUTH",
    `shard ${shard.name} (${target.shown}) does not show trigger ${name} of table ${table}: the user lacks TRIGGER on database ${database}`,
    {
      details: { shard: shard.name, url: target.shown, right: "TRIGGER", table, trigger: name },
      hint: `GRANT TRIGGER ON \`${database}\`.* TO that user; then \`dcs shard resume\``,
    },
  );
}

function triggerLost(shard: string, { name, table }: Trigger): DcsError {
  return new DcsError(
    "SHARD_SCHEMA_UNSUITABLE",
    `trigger ${name} of table ${table} on shard ${shard} is gone, or is not what this dcs makes: writes may have passed unseen`,
    {
      details: { shard, table, trigger: name },
      hint: "make it again: `dcs shard add NAME=URL` with the name and URL that the shard has; then `dcs shard resume`, which compares everything anew",
    },
  );
}

function changed(shard: string): string {
  return `shard ${shard} is served by another server than before`;
}

async function destroyUnless<T>(held: { destroy(): void }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    held.destroy();
    throw error;
  }
}
