import { DcsError, isDcsError } from "../../errors.ts";
import type { BucketOwner, Keyspace, Shard, ShardTable } from "../keyspace.ts";
import type { KeyspaceState, ShardStore } from "../map/shard-store.ts";
import { checkOrder } from "./check-order.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { installSchema } from "./install-schema.ts";
import { compareShards, isSameDatabase, lookAtShard, type ShardLook } from "./look-at-shards.ts";
import { definitionsOf, makeTables } from "./make-tables.ts";
import { numberFindings } from "./number-findings.ts";
import { checkRecord } from "./schema-state.ts";
import { gathered, refuseFindings, type ShardFinding } from "./server-findings.ts";
import { readServer } from "./server-info.ts";
import type { ShardSession } from "./shard-session.ts";
import { spreadBuckets } from "./spread-buckets.ts";
import { refuseStrays } from "./table-rows.ts";

export interface InitOrder {
  readonly keyspace: string;
  readonly buckets: number;
  readonly tables: readonly Pick<ShardTable, "name" | "key">[];
  readonly shards: readonly Shard[];
  /** Keys, as `table.key`, whose values are unique over all shards. */
  readonly unique: readonly string[];
  /** Adds bucket columns without copying tables. */
  readonly virtual: boolean;
  /** Says what would be done, and does nothing. */
  readonly dryRun: boolean;
}

export interface InitDeps {
  readonly store: ShardStore;
  readonly open: (shard: Shard) => Promise<ShardSession>;
  /** Told of each step, for people. */
  readonly onStep: (text: string) => void;
  /** Told of what speaks against it, before it is refused. */
  readonly onFindings: (findings: readonly ShardFinding[]) => void;
}

/** What became of one shard. */
export interface PreparedShard {
  readonly shard: Shard;
  readonly shown: string;
  readonly buckets: number;
  /** Tables that were not there. */
  readonly made: readonly string[];
  /** What was run there, or would be. */
  readonly statements: readonly string[];
}

export interface InitReport {
  readonly keyspace: Keyspace;
  /** The shard whose rows were adopted; null when all were empty, or it was made before. */
  readonly adopted: string | null;
  /** False when the store had it already: what was missing on the servers was made again. */
  readonly isNew: boolean;
  readonly shards: readonly PreparedShard[];
  readonly findings: readonly ShardFinding[];
}

/**
 * Makes a keyspace of databases and tables that are there. One shard may have rows: it gets all buckets, and a rebalance spreads
 * them. The store learns of the keyspace last, so that nothing can be moved before every trigger stands. An interrupted one can be run
 * again; of two at once the second is refused. SHARD_SCHEMA_UNSUITABLE, SHARD_SCHEMA_MISMATCH, SHARD_KEYSPACE_EXISTS when the store has
 * another one by that name, SHARD_BUSY, SHARD_UNREACHABLE and its kin.
 */
export async function initKeyspace(order: InitOrder, deps: InitDeps): Promise<InitReport> {
  const { store, open, onStep, onFindings } = deps;
  checkOrder({ name: order.keyspace, buckets: order.buckets, tables: order.tables }, order.shards);
  const before = await present(store);
  if (before !== null) refuseOther(before, order);
  using stack = new DisposableStack();
  const looks: ShardLook[] = [];
  for (const shard of order.shards) {
    const server = stack.use(await open(shard));
    const info = await server.run(readServer);
    // Named twice, its lock is ours already; it is refused further down.
    if (!order.dryRun && !looks.some((look) => isSameDatabase(look.info, info))) await server.lock();
    onStep(`looking at shard ${shard.name} (${server.shown})`);
    looks.push(await lookAtShard(server, order));
  }
  // Another may have been done between the first look and our locks.
  const state = await present(store);
  if (state !== null) refuseOther(state, order);
  const model = modelOf(looks, order);
  const keyspace: Keyspace = {
    name: order.keyspace,
    buckets: order.buckets,
    hash: "crc32",
    tables: order.tables.map(
      ({ name, key }) => model.tables.find((table) => table.name === name) ?? { name, key, primaryKey: [] },
    ),
  };
  const findings = findingsOn(looks, model, order, state !== null);
  onFindings(findings);
  refuseFindings(findings);
  for (const { record, server } of looks) if (record !== null) checkRecord(record, keyspace, server.shard);
  const adopted =
    state === null ? (looks.find(({ filled }) => filled.length > 0)?.server.shard ?? null) : null;
  const owners = state === null ? ownersOf(order, adopted) : (await store.map()).owners;
  const shards: PreparedShard[] = [];
  for (const look of looks) {
    const shard = order.shards.find(({ name }) => name === look.server.shard);
    if (shard !== undefined)
      shards.push(await prepare(shard, look, model, { ...order, keyspace, owners }, onStep));
  }
  if (!order.dryRun && state === null) {
    for (const { server } of looks) {
      if (owners.some(({ shard }) => shard !== server.shard)) await refuseStrays(server, keyspace.tables);
      await server.assertLocked();
    }
    await store.create(keyspace, order.shards, owners);
  }
  return { keyspace, adopted, isNew: state === null, shards, findings };
}

export interface PrepareSpec {
  readonly keyspace: Keyspace;
  readonly owners: readonly BucketOwner[];
  readonly virtual: boolean;
  readonly dryRun: boolean;
}

/** Makes the tables that are missing, and what dcs needs. */
export async function prepare(
  shard: Shard,
  look: ShardLook,
  model: Pick<ShardLook, "server" | "infos">,
  spec: PrepareSpec,
  onStep: (text: string) => void,
): Promise<PreparedShard> {
  const { server, info } = look;
  const { keyspace, owners, virtual, dryRun } = spec;
  const made = keyspace.tables.map(({ name }) => name).filter((name) => !look.infos.has(name));
  const definitions = await model.server.run((session) => definitionsOf(session, made));
  if (!dryRun) {
    if (made.length > 0)
      onStep(`making ${made.join(", ")} on shard ${shard.name}, as ${model.server.shard} has them`);
    await server.run((session) => makeTables(session, definitions));
    onStep(`columns and triggers of shard ${shard.name}`);
  }
  const statements = await server.run((session) =>
    installSchema(session, {
      ...{ keyspace, shard: shard.name, owners, dialect: info.dialect, virtual, dryRun },
      tables: new Map([...model.infos, ...look.infos]),
    }),
  );
  return {
    shard,
    shown: server.shown,
    buckets: owners.filter((owner) => owner.shard === shard.name).length,
    made,
    statements: [...definitions, ...statements],
  };
}

async function present(store: ShardStore): Promise<KeyspaceState | null> {
  try {
    return await store.keyspace();
  } catch (error) {
    if (isDcsError(error, "SHARD_KEYSPACE_UNKNOWN")) return null;
    throw error;
  }
}

/** The same order may be given again. */
function refuseOther({ keyspace, shards }: KeyspaceState, order: InitOrder): void {
  const said = (tables: InitOrder["tables"], servers: InitOrder["shards"]) => ({
    tables: tables
      .map(({ name, key }) => `${name}:${key}`)
      .toSorted()
      .join(" "),
    shards: servers
      .map(({ name, url }) => `${name}=${url}`)
      .toSorted()
      .join(" "),
  });
  const [has, wants] = [said(keyspace.tables, shards), said(order.tables, order.shards)];
  const differs = [
    ...(keyspace.buckets === order.buckets ? [] : [`it has ${keyspace.buckets} buckets`]),
    ...(has.tables === wants.tables ? [] : [`its tables are ${has.tables}`]),
    ...(has.shards === wants.shards ? [] : [`its shards are ${shards.map(({ name }) => name).join(", ")}`]),
  ];
  if (differs.length === 0) return;
  throw new DcsError(
    "SHARD_KEYSPACE_EXISTS",
    `there is a keyspace ${keyspace.name} already, and not this one: ${differs.join("; ")}`,
    {
      hint: "add shards with `dcs shard add NAME=URL`, or take another name",
      details: { keyspace: keyspace.name, differs },
    },
  );
}

/** After whose definition tables are made: the one with rows, or else that with most of them. */
function modelOf(looks: readonly ShardLook[], { tables }: InitOrder): ShardLook {
  const [first] = looks.toSorted(
    (a, b) => b.filled.length - a.filled.length || b.tables.length - a.tables.length,
  );
  if (first === undefined) {
    throw new DcsError("USAGE", `no shard is named for ${tables.map(({ name }) => name).join(", ")}`, {
      hint: "give --shard NAME=mysql://user@host/database",
    });
  }
  return first;
}

function findingsOn(
  looks: readonly ShardLook[],
  model: ShardLook,
  order: InitOrder,
  isSettled: boolean,
): readonly ShardFinding[] {
  const compared = compareShards(looks, model);
  return gathered(
    new Map(
      looks.map((look): [string, readonly Finding[]] => [
        look.server.shard,
        [
          ...look.findings,
          ...(compared.get(look.server.shard) ?? []),
          ...(look === model ? missingTables(look, order) : []),
          ...(look === model || isSettled ? [] : secondRows(look, model)),
          ...copyFindings(look, order),
          ...(look === model ? numberFindings(looks, order.unique) : []),
        ],
      ]),
    ),
  );
}

function missingTables({ infos }: ShardLook, { tables }: InitOrder): readonly Finding[] {
  return tables.flatMap(({ name }) => {
    if (infos.has(name)) return [];
    const { found, refuse } = findingsOf(name);
    refuse("table-missing", "there is no such table", "make it, or check its name, letter by letter");
    return found;
  });
}

function secondRows({ filled }: ShardLook, model: ShardLook): readonly Finding[] {
  const { found, refuse } = findingsOf(null);
  if (filled.length > 0) {
    refuse(
      "rows-twice",
      `it has rows in ${filled.join(", ")}, and so has shard ${model.server.shard} in ${model.filled.join(", ")}: rows of one bucket may be on both`,
      "begin with all rows on one shard, and let dcs spread them",
    );
  }
  return found;
}

function copyFindings(
  { info, filled, infos, record }: ShardLook,
  { virtual }: InitOrder,
): readonly Finding[] {
  if (info.dialect === "mysql" || virtual || record !== null) return [];
  return filled.flatMap((name) => {
    const bytes = infos.get(name)?.bytes ?? 0;
    if (bytes < COPY_TOLD_BYTES) return [];
    const { found, warn } = findingsOf(name);
    warn(
      "table-copied",
      `adding the stored bucket column copies the table (about ${Math.ceil(bytes / 2 ** 20)} MiB) once, and writers wait for it`,
      "--virtual adds it at once; but indexed virtual columns have had faults in MariaDB (MDEV-38140)",
    );
    return found;
  });
}

const COPY_TOLD_BYTES = 16 * 2 ** 20;

function ownersOf({ shards, buckets }: InitOrder, adopted: string | null): readonly BucketOwner[] {
  if (adopted === null) return spreadBuckets(shards, buckets);
  return Array.from({ length: buckets }, () => ({ shard: adopted, epoch: 1 }));
}
