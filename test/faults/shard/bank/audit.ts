import { bucketOf } from "../../../../src/core/shard/keyspace.ts";
import type { ShardStore } from "../../../../src/core/shard/map/shard-store.ts";
import { openTestSession } from "../../../support/shard-database.ts";
import type { Book } from "./book.ts";
import { BANK_TABLES, type BankTable, digestSql, rowDigest, rowKey, rowText } from "./tables.ts";

const TABLES = Object.keys(BANK_TABLES) as readonly BankTable[];

export interface Audit {
  /** Empty when every write is where it must be, once, and nothing else is anywhere. */
  readonly problems: readonly string[];
  readonly rows: number;
}

/**
 * Asks the servers, and nothing of dcs but the map: what was acknowledged is there once, on the shard that has its bucket; of what
 * nobody knows, at most once; nothing else is anywhere; and the servers' digests are those of what was written down.
 */
export async function audit(
  book: Book,
  shards: ShardStore,
  urls: Readonly<Record<string, string>>,
): Promise<Audit> {
  const problems = [...book.problems];
  const { owners } = await shards.map();
  const found = new Map<string, string>();
  const ledger = new Map<number, { n: number; cents: number }>();
  const totals = new Map<number, string>();
  const sums = new Map(TABLES.map((table) => [table, { n: 0, digest: 0n }]));
  for (const move of await shards.moves()) problems.push(`bucket ${move.record.bucket} is still on its way`);
  for (const [shard, url] of Object.entries(urls)) {
    using session = await openTestSession(url);
    const misplaced = (what: string, tenant: number) => {
      const owner = owners[bucketOf(tenant, owners.length)]?.shard;
      if (owner !== shard) problems.push(`${what} of tenant ${tenant} is on ${shard}, which is ${owner}'s`);
      return owner !== shard;
    };
    for (const table of TABLES) {
      const { key, rest } = BANK_TABLES[table];
      for (const row of await session.run(`SELECT ${[...key, ...rest].join(", ")} FROM ${table}`)) {
        const name = rowKey(table, ...key.map((column) => Number(row[column])));
        const tenant = Number(row["tenant"]);
        const isElsewhere = misplaced(name, tenant);
        if (found.has(name)) problems.push(`${name} is there more than once`);
        if (found.has(name) && isElsewhere) continue;
        found.set(name, rowText(...rest.map((column) => String(row[column]))));
        if (table !== "ledger") continue;
        const sum = ledger.get(tenant) ?? { n: 0, cents: 0 };
        ledger.set(tenant, { n: sum.n + 1, cents: sum.cents + Number(row["cents"]) });
      }
      const [digest] = await session.run(digestSql(table));
      const sum = sums.get(table);
      if (sum === undefined) continue;
      sum.n += Number(digest?.["n"]);
      sum.digest ^= BigInt(String(digest?.["digest"]));
    }
    for (const row of await session.run("SELECT tenant, n, cents FROM totals")) {
      const tenant = Number(row["tenant"]);
      if (misplaced("the total", tenant)) continue;
      totals.set(tenant, `${row["n"]} of ${row["cents"]}`);
    }
    const open = await session.run(
      "SELECT bucket, state, epoch FROM dcs_bucket WHERE state NOT IN ('gone') ORDER BY bucket",
    );
    for (const { bucket, state, epoch } of open) {
      const owner = owners[Number(bucket)];
      if (owner?.shard === shard && owner.epoch === Number(epoch) && state === "owned") continue;
      problems.push(
        `bucket ${bucket} is ${state}@${epoch} on ${shard}, and by the map ${owner?.shard}@${owner?.epoch}`,
      );
    }
    const mine = owners.filter((owner) => owner.shard === shard).length;
    if (open.length !== mine) problems.push(`${shard} has ${open.length} buckets, and by the map ${mine}`);
    const [log] = await session.run("SELECT COUNT(*) AS n FROM dcs_log");
    if (Number(log?.["n"]) > 0) problems.push(`${shard} has ${log?.["n"]} rows in its log`);
  }
  problems.push(...compare(book, found, sums));
  for (const [tenant, total] of totals) {
    const { n, cents } = ledger.get(tenant) ?? { n: 0, cents: 0 };
    if (total !== `${n} of ${cents}`)
      problems.push(`tenant ${tenant} has a total of ${total}, and ${n} lines of ${cents}`);
  }
  return { problems, rows: found.size + totals.size };
}

/** Row by row, and then all of them by the servers' digests. */
function compare(
  { truth }: Book,
  found: ReadonlyMap<string, string>,
  sums: ReadonlyMap<BankTable, { readonly n: number; readonly digest: bigint }>,
): readonly string[] {
  const problems: string[] = [];
  const wanted = new Map(TABLES.map((table) => [table, { n: 0, digest: 0n }]));
  for (const [key, may] of truth.all) {
    const is = found.get(key) ?? null;
    if (!may.includes(is))
      problems.push(
        `${key} is ${is ?? "not there"}, and must be ${may.map((each) => each ?? "not there").join(" or ")}`,
      );
    // Of what nobody knows, that which is.
    const state = may.includes(is) ? is : (may.at(-1) ?? null);
    const sum = wanted.get(key.slice(0, key.indexOf("|")) as BankTable);
    if (state === null || sum === undefined) continue;
    sum.n++;
    sum.digest ^= rowDigest(key, state);
  }
  for (const key of found.keys())
    if (!truth.all.has(key)) problems.push(`${key} is there, and nobody wrote it`);
  for (const [table, { n, digest }] of wanted) {
    const sum = sums.get(table);
    if (sum?.n === n && sum.digest === digest) continue;
    problems.push(`${table}: ${sum?.n} rows, digest ${sum?.digest}; written were ${n}, digest ${digest}`);
  }
  return problems;
}
