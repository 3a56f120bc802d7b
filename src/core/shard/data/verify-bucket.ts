import { DcsError } from "../../errors.ts";
import { applyKeys, type RowKey, type Sides, tableOf } from "./apply-keys.ts";
import { type Compare, compareKeys, type Difference } from "./compare-keys.ts";
import type { PkText, TableSql } from "./table-sql.ts";
import type { Throttle } from "./throttle.ts";

/** Rows of one comparison: when it differs, so many keys are read from both sides. */
const CHUNK_ROWS = 2000;
/** Rows that are told of one chunk. */
const MOST_LISTED = 1000;

export interface VerifyArgs extends Compare {
  readonly chunkRows?: number;
  readonly throttle?: Throttle;
  readonly onProgress?: (rows: number) => void;
}

export interface VerifyResult {
  readonly chunks: number;
  /** Rows of the source. */
  readonly rows: number;
  /** BIT_XOR of all rows' digests, by table, hexadecimal, as the source had them. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Rows that differ and are not in the log: the first thousand of each chunk. */
  readonly differences: readonly Difference[];
  /** Rows that somebody changed each time they were looked at: to be compared again once nobody writes. */
  readonly unsettled: readonly RowKey[];
}

/**
 * P5: compares each chunk of a bucket by counts and digests that the servers compute, and tells the rows that differ. Applications may
 * write: what differs is compared again once the log is drained. Changes nothing but by `drain`. Rejects with a MysqlError or the signal's reason.
 */
export async function verifyBucket(args: VerifyArgs): Promise<VerifyResult> {
  const differences: Difference[] = [];
  const unsettled: RowKey[] = [];
  const checksums: Record<string, string> = {};
  let rows = 0;
  let chunks = 0;
  for (const { name } of args.tables.tables) {
    const table = tableOf(args, name);
    const suspects: RowKey[] = [];
    let digest = 0n;
    let after: PkText | null = null;
    do {
      const bound: PkText | null = await boundOf(args, table, after);
      const range = table.digestRange(after, bound);
      const [here, there] = await Promise.all([
        digestOf(args, "src", name, range),
        digestOf(args, "dst", name, range),
      ]);
      if (here.rows !== there.rows || here.digest !== there.digest) {
        suspects.push(...(await differing(args, table, name, after, bound)));
      }
      digest ^= here.digest;
      rows += here.rows;
      chunks++;
      args.onProgress?.(rows);
      await args.throttle?.(here.rows, args.signal);
      after = bound;
    } while (after !== null);
    checksums[name] = digest.toString(16).padStart(16, "0");
    const compared = await compareKeys(args, suspects);
    differences.push(...compared.differences);
    unsettled.push(...compared.unsettled);
  }
  return { chunks, rows, checksums, differences, unsettled };
}

/** Copies rows again that were found to differ. */
export function repairRows(sides: Sides, differences: readonly RowKey[]): Promise<number> {
  return applyKeys(sides, differences);
}

async function boundOf(
  { src, signal, chunkRows = CHUNK_ROWS }: VerifyArgs,
  table: TableSql,
  after: PkText | null,
): Promise<PkText | null> {
  const [[end] = []] = await src.use((session) => session.sendBytes([table.bound(after, chunkRows)]), signal);
  return end === undefined ? null : String(end["pk"]);
}

async function digestOf(
  args: VerifyArgs,
  side: "src" | "dst",
  name: string,
  range: string,
): Promise<{ readonly rows: number; readonly digest: bigint }> {
  const [[row] = [], [after] = []] = await args[side].use(
    (session) => session.sendBytes([range, "SELECT @@warning_count AS warnings"]),
    args.signal,
  );
  // A row that is too long for a function gives NULL, which a BIT_XOR passes over.
  if (Number(after?.["warnings"]) > 0)
    throw new DcsError("SHARD_ROW_TOO_LARGE", `a row of ${name} is too long to be compared`, {
      details: { table: name },
    });
  return { rows: Number(row?.["rows_read"]), digest: BigInt(row?.["digest"] ?? 0) };
}

/** Keys of a range whose digests differ, or that only one side has. Reads the sides in pieces of its own order each. */
async function differing(
  args: VerifyArgs,
  table: TableSql,
  name: string,
  after: PkText | null,
  bound: PkText | null,
): Promise<readonly RowKey[]> {
  const source = await listOf(args, "src", table, after, bound);
  const target = await listOf(args, "dst", table, after, bound);
  const keys: RowKey[] = [];
  for (const [pk, digest] of source) if (target.get(pk) !== digest) keys.push({ table: name, pk });
  for (const pk of target.keys()) if (!source.has(pk)) keys.push({ table: name, pk });
  return keys.slice(0, MOST_LISTED);
}
async function listOf(
  args: VerifyArgs,
  side: "src" | "dst",
  table: TableSql,
  after: PkText | null,
  bound: PkText | null,
): Promise<ReadonlyMap<PkText, string>> {
  const rows = (args.chunkRows ?? CHUNK_ROWS) * 2;
  const [all = []] = await args[side].use(
    (session) => session.sendBytes([table.digestRows(after, bound, rows)]),
    args.signal,
  );
  return new Map(all.map((row) => [String(row["pk"]), String(row["digest"])]));
}
