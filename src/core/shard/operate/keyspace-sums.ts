import { readFile, writeFile } from "node:fs/promises";
import { z } from "zod";
import { DcsError } from "../../errors.ts";
import type { Clock } from "../../util/clock.ts";
import { Lane } from "../data/lane.ts";
import { MoverSession } from "../data/mover-session.ts";
import { TableSql } from "../data/table-sql.ts";
import type { Shard } from "../keyspace.ts";
import type { ShardStore } from "../map/shard-store.ts";
import { readTables } from "../schema/table-info.ts";
import { toShardError } from "../shard-error.ts";
import type { ShardServers } from "./shard-servers.ts";

const sumSchema = z.object({ rows: z.number().int().nonnegative(), digest: z.string() });

const sumsSchema = z.object({
  schema: z.literal("dcs.shard.sums/1"),
  keyspace: z.string(),
  /** ISO 8601. */
  at: z.iso.datetime(),
  buckets: z.number().int(),
  /** By bucket and table; what has no rows is left out. The digest is BIT_XOR of all rows' digests, hexadecimal. */
  sums: z.record(z.string(), z.record(z.string(), sumSchema)),
});

/**
 * Rows and digests of a whole keyspace, bucket by bucket, as the owners had them. Where a bucket is does not matter, so those of before
 * and after a rebalance are the same if nobody wrote meanwhile.
 */
export type KeyspaceSums = Readonly<z.infer<typeof sumsSchema>>;

/** A bucket of a table that is not as it was. */
export interface SumDifference {
  readonly bucket: number;
  readonly table: string;
  readonly before: { readonly rows: number; readonly digest: string };
  readonly now: { readonly rows: number; readonly digest: string };
}

export interface SumsDeps {
  readonly shards: ShardStore;
  readonly servers: ShardServers;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const NOTHING = { rows: 0, digest: "0" };

/** Adds every row of the keyspace up, on its owner. Reads all of it; changes nothing. SHARD_UNREACHABLE and its kin. */
export async function sumKeyspace({ shards, servers, clock, signal }: SumsDeps): Promise<KeyspaceSums> {
  const { keyspace, shards: all } = await shards.keyspace();
  const { owners } = await shards.map();
  const sums: Record<string, Record<string, { rows: number; digest: string }>> = {};
  const names = keyspace.tables.map(({ name }) => name);
  const sumUp = async (shard: Shard): Promise<void> => {
    const target = servers.options.target(shard);
    using lane = new Lane(() => MoverSession.open(target, clock, servers.stepMs), clock);
    try {
      const tables = await lane.use((session) => readTables(session, names), signal);
      for (const [bucket, owner] of owners.entries()) {
        if (owner.shard !== shard.name) continue;
        const statements = [...tables.values()].map((table) =>
          new TableSql(table, bucket).digestRange(null, null),
        );
        const answers = await lane.use((session) => session.sendBytes(statements), signal);
        for (const [i, table] of [...tables.keys()].entries()) {
          const row = answers[i]?.[0];
          const rows = Number(row?.["rows_read"] ?? 0);
          if (rows === 0) continue;
          const digest = BigInt(row?.["digest"] ?? 0).toString(16);
          sums[bucket] = { ...sums[bucket], [table]: { rows, digest } };
        }
      }
    } catch (error) {
      throw toShardError(error, { shard: shard.name, shown: target.shown });
    }
  };
  await Promise.all(all.map(sumUp));
  const at = new Date(clock.now()).toISOString();
  return { schema: "dcs.shard.sums/1", keyspace: keyspace.name, at, buckets: keyspace.buckets, sums };
}

/** Which buckets of which tables are not as they were. */
export function compareSums(before: KeyspaceSums, now: KeyspaceSums): readonly SumDifference[] {
  const buckets = [...new Set([...Object.keys(before.sums), ...Object.keys(now.sums)])];
  return buckets
    .toSorted((a, b) => Number(a) - Number(b))
    .flatMap((bucket) => {
      const [was = {}, is = {}] = [before.sums[bucket], now.sums[bucket]];
      return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((table) => {
        const [a = NOTHING, b = NOTHING] = [was[table], is[table]];
        return a.rows === b.rows && a.digest === b.digest
          ? []
          : [{ bucket: Number(bucket), table, before: a, now: b }];
      });
    });
}

/** FILE_INVALID when it cannot be written. */
export async function writeSums(path: string, sums: KeyspaceSums): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(sums)}\n`, { mode: 0o600 });
  } catch (cause) {
    throw invalid("--sums", path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** FILE_INVALID when it is no such file, or of another keyspace. */
export async function readSums(path: string, keyspace: string): Promise<KeyspaceSums> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw invalid("--against", path, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const read = sumsSchema.safeParse(value);
  if (!read.success) throw invalid("--against", path, "it was not written by --sums");
  if (read.data.keyspace === keyspace) return read.data;
  throw invalid("--against", path, `it is of keyspace ${read.data.keyspace}, not ${keyspace}`);
}

function invalid(flag: string, path: string, problem: string, cause?: unknown): DcsError {
  return new DcsError("FILE_INVALID", `${flag} ${path}: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: "make one with `dcs shard verify --sums FILE`",
    details: { flag, value: path },
  });
}
