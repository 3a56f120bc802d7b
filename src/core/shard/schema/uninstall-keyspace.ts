import { DcsError, toDcsError } from "../../errors.ts";
import type { Shard } from "../keyspace.ts";
import type { KeyspaceState, ShardStore } from "../map/shard-store.ts";
import { readRecord, type SchemaRecord } from "./schema-state.ts";
import type { ShardSession } from "./shard-session.ts";
import { uninstallSchema } from "./uninstall-schema.ts";

/** What is to be taken away; plain JSON. */
export interface UninstallAction {
  readonly keyspace: string;
  /** Servers that the store does not know of, from which it is taken; empty for the whole keyspace. */
  readonly shards: readonly { readonly name: string; readonly url: string }[];
}

export interface UninstallDeps {
  readonly store: ShardStore;
  readonly open: (shard: Pick<Shard, "name" | "url">) => Promise<ShardSession>;
  readonly onStep: (text: string) => void;
}

/** What of the keyspace was seen just now. The sessions keep other changes out. */
export interface UninstallTarget {
  /** Null where servers are named that the store does not know of. */
  readonly state: KeyspaceState | null;
  readonly mapRevision: number | null;
  readonly servers: readonly UninstallServer[];
}

export interface UninstallServer {
  readonly session: ShardSession;
  /** Null where nothing of dcs is there. */
  readonly record: SchemaRecord | null;
  readonly tables: readonly string[];
  readonly buckets: number;
  readonly statements: readonly string[];
}

export interface UninstallEnd {
  readonly shard: string;
  readonly statements: readonly string[];
}

/**
 * What would be taken away. SHARD_KEYSPACE_UNKNOWN, SHARD_BUSY while buckets are on their way or others change the tables,
 * SHARD_CHANGED when a named server is one that the store knows of, SHARD_SCHEMA_MISMATCH when it has another keyspace's tables.
 */
export async function findUninstallTarget(
  { keyspace, shards }: UninstallAction,
  { store, open }: UninstallDeps,
  stack: DisposableStack,
): Promise<UninstallTarget> {
  const state = shards.length === 0 ? await store.keyspace() : null;
  const map = state === null ? null : await store.map();
  if (state !== null) refuseMoves(await store.moves(), keyspace);
  const known = shards.length === 0 ? [] : await knownShards(store);
  const servers: UninstallServer[] = [];
  for (const shard of state?.shards ?? shards) {
    const session = stack.use(await open(shard));
    await session.lock();
    const record = await session.run(readRecord);
    if (record !== null && record.name !== keyspace) throw otherKeyspace(session, record, keyspace);
    const name = [shard.name, record?.shard ?? ""].find((each) => known.includes(each));
    if (name !== undefined) throw stillKnown(keyspace, name);
    const tables = (state?.keyspace.tables ?? record?.tables ?? []).map((table) => table.name);
    servers.push({
      session,
      record,
      tables,
      buckets: (map?.owners ?? []).filter((owner) => owner.shard === shard.name).length,
      statements: await session.run((each) => uninstallSchema(each, { tables, dryRun: true })),
    });
  }
  return { state, mapRevision: map?.revision ?? null, servers };
}

/**
 * Takes it away: first from the store, in one step that no move can slip past, then from each server. PARTIAL names the servers that
 * are left, which can be named again.
 */
export async function uninstallKeyspace(
  { keyspace }: UninstallAction,
  { state, servers }: UninstallTarget,
  { store, onStep }: UninstallDeps,
): Promise<readonly UninstallEnd[]> {
  for (const { session } of servers) await session.assertLocked();
  if (state !== null) await store.remove();
  const done: UninstallEnd[] = [];
  const failed: { readonly server: UninstallServer; readonly error: DcsError }[] = [];
  for (const server of servers) {
    const { session, tables } = server;
    onStep(`taking triggers, columns and tables of dcs from shard ${session.shard} (${session.shown})`);
    try {
      const statements = await session.run((each) => uninstallSchema(each, { tables }));
      done.push({ shard: session.shard, statements });
    } catch (error) {
      failed.push({ server, error: toDcsError(error) });
    }
  }
  const [first] = failed;
  if (first === undefined) return done;
  const left = failed.map(({ server }) => server.session.shard);
  throw new DcsError(
    "PARTIAL",
    `keyspace ${keyspace} is taken from the store, but shard ${left.join(", ")} still has triggers and tables of dcs: ${first.error.message}`,
    {
      cause: first.error,
      data: { keyspace, done: done.map(({ shard }) => shard), left },
      hint: `dcs shard uninstall --keyspace ${keyspace} ${left.map((shard) => `--shard ${shard}=URL`).join(" ")}`,
    },
  );
}

function refuseMoves(moves: Awaited<ReturnType<ShardStore["moves"]>>, keyspace: string): void {
  const [first] = moves;
  if (first === undefined) return;
  const { bucket, src, dst } = first.record;
  const more = moves.length === 1 ? "" : `, and ${moves.length - 1} more`;
  throw new DcsError(
    "SHARD_BUSY",
    `keyspace ${keyspace} cannot be taken away while buckets move: bucket ${bucket} from ${src} to ${dst}${more}`,
    {
      hint: "finish or take back the moves: `dcs shard resume` or `dcs shard abort`",
      details: { keyspace, moves: moves.map(({ record }) => record) },
    },
  );
}

async function knownShards(store: ShardStore): Promise<readonly string[]> {
  try {
    return (await store.keyspace()).shards.map(({ name }) => name);
  } catch (error) {
    if (toDcsError(error).code === "SHARD_KEYSPACE_UNKNOWN") return [];
    throw error;
  }
}

function stillKnown(keyspace: string, shard: string): DcsError {
  return new DcsError(
    "SHARD_CHANGED",
    `shard ${shard} is one of keyspace ${keyspace}, which the store knows of`,
    {
      hint: `take the whole keyspace away: dcs shard uninstall --keyspace ${keyspace}`,
      details: { keyspace, shard },
    },
  );
}

function otherKeyspace({ shard, shown }: ShardSession, record: SchemaRecord, keyspace: string): DcsError {
  return new DcsError(
    "SHARD_SCHEMA_MISMATCH",
    `the database of shard ${shard} (${shown}) belongs to keyspace ${record.name}, not ${keyspace}`,
    { hint: `name it: --keyspace ${record.name}`, details: { shard, keyspace, found: record.name } },
  );
}
