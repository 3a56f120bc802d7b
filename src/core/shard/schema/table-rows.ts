import { DcsError } from "../../errors.ts";
import { fill, SqlText } from "../../mysql/sql-text.ts";
import type { ShardTable } from "../keyspace.ts";
import type { SchemaSession } from "./server-info.ts";
import type { ShardSession } from "./shard-session.ts";
import { SQL } from "./statements.generated.ts";
import { quoteName } from "./table-info.ts";

/** Those of the tables that have a row. Rejects with a MysqlError. */
export async function withRows(session: SchemaSession, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [];
  const results = await session.send(names.map((name) => `SELECT 1 AS one FROM ${quoteName(name)} LIMIT 1`));
  return names.filter((_, i) => (results[i]?.length ?? 0) > 0);
}

/**
 * SHARD_SCHEMA_UNSUITABLE when a row is where its bucket is not: it was written while there was no trigger yet, and nobody would find
 * it any more.
 */
export async function refuseStrays(server: ShardSession, tables: readonly ShardTable[]): Promise<void> {
  for (const { name, key } of tables) {
    const values = { tbl: new SqlText(quoteName(name)), key: new SqlText(quoteName(key)) };
    const [[row] = []] = await server.run((session) => session.send([fill(SQL["stray-row"], values)]));
    if (row === undefined) continue;
    throw new DcsError(
      "SHARD_SCHEMA_UNSUITABLE",
      `table ${name} of shard ${server.shard} got a row meanwhile (${key} ${row["shard_key"]}, bucket ${row["bucket"]}) that belongs to another shard`,
      {
        details: { shard: server.shard, table: name, key: row["shard_key"], bucket: row["bucket"] },
        hint: `take the beginning away with \`dcs shard uninstall --shard ${server.shard}=URL\`, delete the row, keep applications away from the empty shards, and run it again`,
      },
    );
  }
}
