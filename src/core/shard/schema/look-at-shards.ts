import type { ShardTable } from "../keyspace.ts";
import { compareTables } from "./compare-tables.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { preflightServer } from "./preflight-server.ts";
import { preflightTables, type TablesWanted } from "./preflight-tables.ts";
import { readRecord, type SchemaRecord } from "./schema-state.ts";
import { readServer, type ServerInfo } from "./server-info.ts";
import type { ShardSession } from "./shard-session.ts";
import type { TableInfo } from "./table-info.ts";
import { withRows } from "./table-rows.ts";

export interface ShardLook {
  readonly server: ShardSession;
  readonly info: ServerInfo;
  /** What was set up here before; null for nothing. */
  readonly record: SchemaRecord | null;
  /** Those of the tables that are here. */
  readonly tables: readonly ShardTable[];
  readonly infos: ReadonlyMap<string, TableInfo>;
  /** Names of those with rows. */
  readonly filled: readonly string[];
  readonly findings: readonly Finding[];
}

/** Looks at one server and at what it has of the tables. Changes nothing. */
export async function lookAtShard(server: ShardSession, wanted: TablesWanted): Promise<ShardLook> {
  return await server.run(async (session) => {
    const info = await readServer(session);
    const { tables, infos, findings } = await preflightTables(session, wanted);
    const there = tables.map(({ name }) => name);
    return {
      server,
      info,
      tables,
      infos,
      record: await readRecord(session),
      filled: await withRows(session, there),
      findings: [
        ...(await preflightServer(session, info)),
        // Whether a table is missing is for the caller to say: it may be made.
        ...findings.filter(({ kind }) => kind !== "table-missing"),
      ],
    };
  });
}

/** What several servers do not have in common, and what two of them must not. By shard. */
export function compareShards(
  looks: readonly ShardLook[],
  model: ShardLook,
): ReadonlyMap<string, readonly Finding[]> {
  return new Map(
    looks.map((look): [string, readonly Finding[]] => {
      if (look === model) return [look.server.shard, []];
      const { found, refuse } = findingsOf(null);
      const twin = looks.slice(0, looks.indexOf(look)).find(({ info }) => isSameDatabase(info, look.info));
      if (twin !== undefined) {
        refuse(
          "shard-twice",
          `it is the same database as shard ${twin.server.shard}`,
          "give each shard a database of its own",
        );
      }
      const names = look.tables.map(({ name }) => name);
      const one = { shard: model.server.shard, tables: model.infos };
      const other = { shard: look.server.shard, tables: look.infos };
      return [look.server.shard, [...found, ...compareTables(names, one, other)]];
    }),
  );
}

/** Whether two URLs lead to one database. */
export function isSameDatabase(a: ServerInfo, b: ServerInfo): boolean {
  return a.identity === b.identity && a.database === b.database;
}
