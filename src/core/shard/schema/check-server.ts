import { isMysqlError } from "../../mysql/mysql-error.ts";
import { fill } from "../../mysql/sql-text.ts";
import type { Keyspace, ShardTable } from "../keyspace.ts";
import { BUCKET_COLUMN } from "../names.ts";
import { compareTables } from "./compare-tables.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { isSameTrigger } from "./install-schema.ts";
import { preflightServer } from "./preflight-server.ts";
import { preflightTables } from "./preflight-tables.ts";
import { checkRecord, type FoundTable, readFound, readRecord } from "./schema-state.ts";
import { readServer, type SchemaSession, type ServerInfo } from "./server-info.ts";
import { SQL } from "./statements.generated.ts";
import type { TableInfo } from "./table-info.ts";
import { triggersOf } from "./triggers.ts";

/** A cut-over waits for transactions of the bucket; one that is open for so long may be open for ever. */
const LONG_OPEN_S = 60;

/** What MySQL says of XA RECOVER to users without XA_RECOVER_ADMIN. */
const XA_REFUSED = 1401;

/** A server, looked at before a bucket is moved. */
export interface ServerLook {
  readonly shard: string;
  readonly server: ServerInfo;
  readonly tables: ReadonlyMap<string, TableInfo>;
  readonly findings: readonly Finding[];
}

/** As `lookAtServer`: only what was found. */
export async function checkServer(
  session: SchemaSession,
  keyspace: Keyspace,
  shard: string,
): Promise<readonly Finding[]> {
  return (await lookAtServer(session, keyspace, shard)).findings;
}

/**
 * Whether a shard's server is as it must be for its buckets to be moved: tables, bucket columns and triggers as dcs would make them,
 * settings, privileges, transactions in the way. Changes nothing. SHARD_SCHEMA_MISSING, SHARD_SCHEMA_MISMATCH, SHARD_SCHEMA_NEWER;
 * rejects with a MysqlError.
 */
export async function lookAtServer(
  session: SchemaSession,
  keyspace: Keyspace,
  shard: string,
): Promise<ServerLook> {
  checkRecord(await readRecord(session), keyspace, shard);
  const server = await readServer(session);
  const names = keyspace.tables.map(({ name }) => name);
  const look = await preflightTables(session, { tables: keyspace.tables, isSettled: true });
  const found = await readFound(session, names);
  return {
    shard,
    server,
    tables: look.infos,
    findings: [
      ...(await preflightServer(session, server)),
      ...look.findings,
      ...keyspace.tables.flatMap((table) => {
        const info = look.infos.get(table.name);
        const there = found.get(table.name);
        if (info === undefined || there === undefined) return [];
        return madeFindings(table, info, there, keyspace);
      }),
      ...(await transactionFindings(session)),
    ],
  };
}

/** The same of the two servers of a move, and whether their tables are the same. */
export function comparePair(keyspace: Keyspace, src: ServerLook, dst: ServerLook): readonly Finding[] {
  const names = keyspace.tables.map(({ name }) => name);
  return [...src.findings, ...dst.findings, ...compareTables(names, src, dst)];
}

/** Whether what dcs made is there and as it was made. */
function madeFindings(
  table: ShardTable,
  info: TableInfo,
  { expression, index, triggers }: FoundTable,
  keyspace: Keyspace,
): readonly Finding[] {
  const { found, refuse } = findingsOf(table.name);
  const again = "make it again: `dcs shard add NAME=URL` with the name and URL that the shard has";
  const primary = info.keys.find(({ name }) => name === "PRIMARY")?.columns ?? [];
  if (primary.join() !== table.primaryKey.join()) {
    refuse(
      "primary-changed",
      `its primary key is (${primary.join(", ")}), and was (${table.primaryKey.join(", ")})`,
      "a primary key cannot be changed while the table is sharded",
    );
    return found;
  }
  if (expression === null || index[0] !== BUCKET_COLUMN) {
    refuse("bucket-column-missing", `its column ${BUCKET_COLUMN}, or the index of it, is gone`, again);
  }
  if (!info.columns.some(({ name }) => name === table.key)) return found;
  for (const wanted of triggersOf(table, info, keyspace)) {
    const there = triggers.find(({ name }) => name === wanted.name);
    if (there === undefined) {
      refuse("trigger-missing", `its trigger ${wanted.name} is gone: writes would pass unseen`, again);
    } else if (!isSameTrigger(there, wanted)) {
      refuse("trigger-changed", `its trigger ${wanted.name} is not what this dcs makes`, again);
    }
  }
  return found;
}

async function transactionFindings(session: SchemaSession): Promise<readonly Finding[]> {
  const { found, refuse, warn } = findingsOf(null);
  try {
    const [prepared = []] = await session.send(["XA RECOVER"]);
    if (prepared.length > 0) {
      refuse(
        "xa-prepared",
        `it has ${prepared.length} prepared XA transactions, whose locks stay until somebody ends them`,
        "XA RECOVER shows them; XA COMMIT or XA ROLLBACK ends them",
      );
    }
    const [open = []] = await session.send([fill(SQL["open-transactions"], { seconds: LONG_OPEN_S })]);
    const [oldest] = open;
    if (oldest !== undefined) {
      warn(
        "transaction-open",
        `session ${oldest["id"]} has had a transaction open for ${oldest["seconds"]} s: a cut-over waits for those that wrote to the bucket`,
        `end it, or KILL ${oldest["id"]}`,
      );
    }
  } catch (error) {
    if (!isMysqlError(error) || (error.failure !== "auth" && error.errno !== XA_REFUSED)) throw error;
    warn(
      "transactions-unseen",
      `the user may not see other sessions' transactions: ${error.message}`,
      "GRANT PROCESS ON *.* (on MySQL also XA_RECOVER_ADMIN) to it, to be told of those that stand in the way",
    );
  }
  return found;
}
