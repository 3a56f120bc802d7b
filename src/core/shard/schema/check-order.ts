import { DcsError } from "../../errors.ts";
import type { Keyspace, Shard, ShardTable } from "../keyspace.ts";
import { keyspaceSchema, problemsOf } from "../map/stored.ts";

/** SHARD_KEYSPACE_INVALID for names, numbers and weights that the store would not take. Asked before anything is touched. */
export function checkOrder(
  {
    name,
    buckets,
    tables,
  }: Pick<Keyspace, "name" | "buckets"> & { readonly tables: readonly Pick<ShardTable, "name" | "key">[] },
  shards: readonly Shard[],
): void {
  const keyspace = {
    name,
    buckets,
    hash: "crc32",
    tables: tables.map((table) => ({ ...table, primaryKey: [table.key] })),
  };
  const read = keyspaceSchema.safeParse({ keyspace, shards });
  const problem = read.success ? (tables.length === 0 ? "it has no table" : null) : problemsOf(read.error);
  if (problem === null) return;
  throw new DcsError("SHARD_KEYSPACE_INVALID", `keyspace ${name}: ${problem}`, {
    details: { keyspace: name, problem },
  });
}
