import { fill, SqlText } from "../../mysql/sql-text.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { Keyspace, ShardMap } from "../keyspace.ts";
import type { KeyspaceState, MoveState, ShardStore } from "../map/shard-store.ts";
import { BUCKET_COLUMN, BUCKET_TABLE, type BucketState } from "../names.ts";
import { checkServer } from "../schema/check-server.ts";
import type { Finding } from "../schema/finding.ts";
import { literalsSql } from "../schema/literal-sql.ts";
import { quoteName, readTables } from "../schema/table-info.ts";
import { countRows } from "./bucket-sizes.ts";
import { type ComparedMove, compareMove } from "./compare-moves.ts";
import { judgePlaces, type PlaceFault, type SeenBucket, type SeenServer } from "./judge-places.ts";
import type { ShardServer, ShardServers } from "./shard-servers.ts";

export interface VerifyDeps {
  readonly shards: ShardStore;
  readonly servers: ShardServers;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What is being looked at, for people. */
  readonly onProgress?: (message: string) => void;
}

/** One shard, as it was found. */
export interface VerifiedShard {
  readonly shard: string;
  /** Buckets that it owns. */
  readonly buckets: number;
  /** Rows of all tables. */
  readonly rows: number;
  /** What is wrong with its tables and triggers. */
  readonly findings: readonly Finding[];
}

/** A fault, with the primary keys of some of the rows, as SQL writes them. */
export interface FoundFault extends PlaceFault {
  readonly keys: readonly string[];
}

export interface Verification {
  readonly keyspace: string;
  readonly mapRevision: number;
  readonly shards: readonly VerifiedShard[];
  /** Those under way. */
  readonly moves: readonly MoveState[];
  /** Of these the ones whose copy is complete, compared row by row. */
  readonly compared: readonly ComparedMove[];
  readonly faults: readonly FoundFault[];
}

interface Look {
  readonly map: ShardMap;
  readonly moves: readonly MoveState[];
  readonly servers: readonly SeenServer[];
  readonly faults: readonly PlaceFault[];
}

/** Moves go on while it is looked: only what is still so in each of so many looks counts. */
const LOOKS = 3;
const BETWEEN_MS = 500;
const KEYS_SHOWN = 5;

/**
 * Compares the map, the moves under way and every server: each row stands on the shard that owns its bucket (or takes part in its
 * move), each bucket is open on its owner and nowhere else, triggers and columns are as dcs made them. Changes nothing, and locks nothing.
 * SHARD_KEYSPACE_UNKNOWN; SHARD_UNREACHABLE and its kin.
 */
export async function verifyKeyspace(deps: VerifyDeps): Promise<Verification> {
  const { shards, servers, clock, signal, onProgress } = deps;
  const state = await shards.keyspace();
  const all = state.shards.map((shard) => servers.get(shard));
  onProgress?.(`counting the rows of ${state.keyspace.tables.length} tables on ${all.length} shards`);
  let seen = await look(state, all, deps);
  const first = seen;
  let faults = seen.faults;
  for (let i = 1; i < LOOKS && faults.length > 0; i++) {
    onProgress?.(`${faults.length} do not fit; looking again, because moves may be under way`);
    await sleep(clock, BETWEEN_MS, signal);
    seen = await look(state, all, deps);
    const still = new Set(seen.faults.map(nameOf));
    faults = faults.filter((fault) => still.has(nameOf(fault)));
  }
  const compared: ComparedMove[] = [];
  for (const move of seen.moves) {
    onProgress?.(`comparing bucket ${move.record.bucket} on ${move.record.src} and ${move.record.dst}`);
    const one = await compareMove(state, move, { ...servers.options, signal });
    // One that ended meanwhile was compared with what is being deleted.
    if (one !== null && (await isStill(move, shards))) compared.push(one);
  }
  const checked = await Promise.all(
    all.map((server) => server.use((session) => checkServer(session, state.keyspace, server.shard.name))),
  );
  return {
    keyspace: state.keyspace.name,
    mapRevision: seen.map.revision,
    shards: first.servers.map(({ shard, rows }, i) => ({
      shard,
      buckets: first.map.owners.filter((owner) => owner.shard === shard).length,
      rows: [...rows.values()].reduce((sum, byBucket) => sum + total(byBucket), 0),
      findings: checked[i] ?? [],
    })),
    moves: seen.moves,
    compared,
    faults: await Promise.all(faults.map((fault) => withKeys(fault, state.keyspace, all))),
  };
}

async function look(
  { keyspace }: KeyspaceState,
  all: readonly ShardServer[],
  { shards, servers, signal }: VerifyDeps,
): Promise<Look> {
  const [map, moves] = await Promise.all([shards.map(), shards.moves()]);
  const seen = await Promise.all(
    all.map(async (server) => {
      const buckets = await readBuckets(server);
      const rows = await countRows(server, keyspace, servers.stepMs, signal);
      return { shard: server.shard.name, buckets, rows };
    }),
  );
  const records = moves.map(({ record }) => record);
  return { map, moves, servers: seen, faults: judgePlaces(map.owners, records, seen) };
}

/** Whether the same move is under way still, in the same direction, and has not flipped: then rows are deleted at its source. */
async function isStill({ record }: MoveState, shards: ShardStore): Promise<boolean> {
  const [now, map] = await Promise.all([shards.move(record.bucket), shards.map()]);
  const owner = map.owners[record.bucket];
  const isSame = (["src", "dst", "epoch", "intent"] as const).every(
    (key) => now?.record[key] === record[key],
  );
  return isSame && owner?.shard === record.src && owner.epoch === record.epoch;
}

/** What a server says of each bucket. */
async function readBuckets(server: ShardServer): Promise<ReadonlyMap<number, SeenBucket>> {
  const [rows = []] = await server.use((session) =>
    session.send([`SELECT bucket, state, epoch FROM ${BUCKET_TABLE}`]),
  );
  return new Map(
    rows.map((row) => [
      Number(row["bucket"]),
      { state: String(row["state"]) as BucketState, epoch: Number(row["epoch"]) },
    ]),
  );
}

async function withKeys(
  fault: PlaceFault,
  keyspace: Keyspace,
  all: readonly ShardServer[],
): Promise<FoundFault> {
  const table = keyspace.tables.find(({ name }) => name === fault.table);
  const server = all.find(({ shard }) => shard.name === fault.shard);
  if (table === undefined || server === undefined) return { ...fault, keys: [] };
  const keys = await server.use(async (session) => {
    const columns = (await readTables(session, [table.name])).get(table.name)?.columns ?? [];
    const primary = table.primaryKey.flatMap((name) => columns.find((column) => column.name === name) ?? []);
    const pk = literalsSql(primary, quoteName);
    if (pk === null) return [];
    const [rows = []] = await session.send([
      fill("SELECT :pk AS pk FROM :table WHERE :column = :bucket LIMIT :most", {
        pk: new SqlText(pk),
        table: new SqlText(quoteName(table.name)),
        column: new SqlText(quoteName(BUCKET_COLUMN)),
        bucket: fault.bucket,
        most: KEYS_SHOWN,
      }),
    ]);
    return rows.map((row) => String(row["pk"]));
  });
  return { ...fault, keys };
}

function nameOf({ fault, shard, bucket, table }: PlaceFault): string {
  return `${fault} ${shard} ${bucket} ${table ?? ""}`;
}

function total(byBucket: ReadonlyMap<number, number>): number {
  return [...byBucket.values()].reduce((sum, n) => sum + n, 0);
}
