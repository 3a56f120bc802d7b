import { fill, SqlText } from "../../mysql/sql-text.ts";
import type { BucketOwner, Keyspace } from "../keyspace.ts";
import { BUCKET_COLUMN } from "../names.ts";
import type { BucketSize } from "../plan/plan-moves.ts";
import { quoteName, readTables } from "../schema/table-info.ts";
import type { ShardServer } from "./shard-servers.ts";

/** So many statements count a table: none runs for long, and a large table is read in steps. */
const STEPS = 64;

/**
 * Rows of each bucket on one server, exactly and by table: what is there, whoever owns it. One answer may take `stepMs`.
 * SHARD_UNREACHABLE and its kin.
 */
export async function countRows(
  server: ShardServer,
  { buckets, tables }: Pick<Keyspace, "buckets" | "tables">,
  stepMs: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
  const width = Math.max(1, Math.ceil(buckets / STEPS));
  const counted = new Map<string, ReadonlyMap<number, number>>();
  for (const { name } of tables) {
    const byBucket = new Map<number, number>();
    for (let from = 0; from < buckets; from += width) {
      signal.throwIfAborted();
      const [rows = []] = await server.use(
        (session) =>
          session.send([
            fill(
              "SELECT :column AS bucket, COUNT(*) AS n FROM :table WHERE :column BETWEEN :from AND :upTo GROUP BY :column",
              {
                column: new SqlText(quoteName(BUCKET_COLUMN)),
                table: new SqlText(quoteName(name)),
                from,
                upTo: from + width - 1,
              },
            ),
          ]),
        stepMs,
      );
      for (const row of rows) byBucket.set(Number(row["bucket"]), Number(row["n"]));
    }
    counted.set(name, byBucket);
  }
  return counted;
}

/** How large each bucket is on the shard that owns it, by bucket. SHARD_UNREACHABLE and its kin. */
export async function bucketSizes(
  keyspace: Keyspace,
  owners: readonly BucketOwner[],
  servers: readonly ShardServer[],
  stepMs: number,
  signal: AbortSignal,
): Promise<readonly BucketSize[]> {
  const sizes = owners.map(() => ({ rows: 0, bytes: 0 }));
  await Promise.all(
    servers.map(async (server) => {
      const names = keyspace.tables.map(({ name }) => name);
      const tables = await server.use((session) => readTables(session, names));
      for (const [name, byBucket] of await countRows(server, keyspace, stepMs, signal)) {
        const all = [...byBucket.values()].reduce((sum, n) => sum + n, 0);
        const perRow = all === 0 ? 0 : (tables.get(name)?.bytes ?? 0) / all;
        for (const [bucket, rows] of byBucket) {
          const size = sizes[bucket];
          if (size === undefined || owners[bucket]?.shard !== server.shard.name) continue;
          size.rows += rows;
          size.bytes += rows * perRow;
        }
      }
    }),
  );
  return sizes.map(({ rows, bytes }) => ({ rows, bytes: Math.round(bytes) }));
}
