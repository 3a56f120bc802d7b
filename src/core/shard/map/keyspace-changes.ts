import { DcsError } from "../../errors.ts";
import { MAX_TXN_OPS, type Op, type Store } from "../../store/store.ts";
import type { BucketOwner, Keyspace, Shard, ShardTable } from "../keyspace.ts";
import { isAnswerLost } from "./lost-answer.ts";
import { again, keyspaceUnknown, readMap, type ShardParts, storedMap } from "./shard-parts.ts";
import type { KeyspaceState } from "./shard-state.ts";
import { fromStored, keyspaceSchema, problemsOf, toStored } from "./stored.ts";

/** The keyspace and its shards. SHARD_KEYSPACE_UNKNOWN names the keyspaces there are. */
export async function readKeyspace({ store, keys, name }: ShardParts): Promise<KeyspaceState> {
  const kv = await store.get(keys.keyspace);
  if (kv === null) throw await keyspaceUnknown(store, name);
  return { ...fromStored(kv, keyspaceSchema), revision: kv.modRevision };
}

/** Writes a keyspace that is not there yet, and its map. SHARD_KEYSPACE_EXISTS, SHARD_KEYSPACE_INVALID. */
export async function createKeyspace(
  parts: ShardParts,
  keyspace: Keyspace,
  shards: readonly Shard[],
  owners: readonly BucketOwner[],
): Promise<void> {
  const { store, keys, name } = parts;
  const value = checked(name, keyspace, shards);
  if (owners.length !== keyspace.buckets) {
    throw invalid(name, `${owners.length} owners for ${keyspace.buckets} buckets`);
  }
  const stranger = owners.find(({ shard }) => !shards.some((each) => each.name === shard));
  if (stranger !== undefined) throw invalid(name, `the map has shard ${stranger.shard}, which there is not`);
  const isMade = await certain(store, keys.keyspace, value, () =>
    store.txn({
      compares: [
        { key: keys.keyspace, is: "absent" },
        { key: keys.map, is: "absent" },
      ],
      ops: [
        { put: keys.keyspace, value },
        { put: keys.map, value: storedMap(owners) },
      ],
    }),
  );
  if (isMade) return;
  throw new DcsError("SHARD_KEYSPACE_EXISTS", `keyspace ${name} is in ${store.url} already`, {
    details: { keyspace: name },
  });
}

/**
 * Writes other shards or tables, unless the keyspace changed since `state` was read: SHARD_CHANGED. A shard that is left out must have
 * no bucket (SHARD_NOT_EMPTY), and no bucket may be on its way then (SHARD_BUSY).
 */
export async function changeKeyspace(
  parts: ShardParts,
  state: KeyspaceState,
  to: { readonly shards?: readonly Shard[]; readonly tables?: readonly ShardTable[] },
): Promise<KeyspaceState> {
  const { store, keys, name } = parts;
  const shards = to.shards ?? state.shards;
  const keyspace = { ...state.keyspace, tables: to.tables ?? state.keyspace.tables };
  const value = checked(name, keyspace, shards);
  const gone = state.shards.filter((shard) => !shards.some((each) => each.name === shard.name));
  for (let tried = 0; ; tried++) {
    const map = gone.length > 0 ? await readMap(parts) : null;
    const full = gone.find((shard) => map?.owners.some((owner) => owner.shard === shard.name));
    if (full !== undefined) throw notEmpty(name, full, map?.owners ?? []);
    const isMade = await certain(store, keys.keyspace, value, () =>
      store.txn({
        compares: [
          { key: keys.keyspace, modRevision: state.revision },
          ...(map === null
            ? []
            : [
                { key: keys.map, modRevision: map.revision },
                { prefix: keys.moves, is: "absent" as const },
              ]),
        ],
        ops: [{ put: keys.keyspace, value }],
      }),
    );
    const now = await readKeyspace(parts);
    if (isMade) return now;
    if (now.revision !== state.revision) {
      throw new DcsError("SHARD_CHANGED", `keyspace ${name} was changed by somebody else meanwhile`, {
        details: { keyspace: name },
      });
    }
    await refuseMoves(parts, "take a shard away");
    await again(parts, tried);
  }
}

/** Takes the keyspace out of the store, and all that is kept of it. SHARD_BUSY while buckets are on their way. Can be run again. */
export async function removeKeyspace(parts: ShardParts): Promise<void> {
  const { store, keys } = parts;
  const left = async () => (await store.list(keys.base, { limit: MAX_TXN_OPS })).kvs;
  if ((await store.get(keys.keyspace)) === null && (await left()).length === 0) {
    throw await keyspaceUnknown(store, parts.name);
  }
  const remove = () =>
    store.txn({
      compares: [{ prefix: keys.moves, is: "absent" }],
      ops: [{ delete: keys.keyspace }, { delete: keys.map }],
    });
  for (let tried = 0; !(await remove()).succeeded; tried++) {
    await refuseMoves(parts, "remove the keyspace");
    await again(parts, tried);
  }
  for (let kvs = await left(); kvs.length > 0; kvs = await left()) {
    await store.txn({ ops: kvs.map(({ key }): Op => ({ delete: key })) });
  }
}

async function refuseMoves({ store, keys, name }: ShardParts, what: string): Promise<void> {
  const { kvs } = await store.list(keys.moves, { limit: MAX_TXN_OPS });
  const buckets = [...new Set(kvs.map(({ key }) => Number.parseInt(key.slice(keys.moves.length), 10)))];
  if (buckets.length === 0) return;
  throw new DcsError(
    "SHARD_BUSY",
    `cannot ${what}: buckets of ${name} are on their way (${buckets.join(", ")})`,
    {
      details: { keyspace: name, buckets },
    },
  );
}

/** Makes a transaction that writes `value` to `key`; one whose answer was lost was made if that is what stands there. */
async function certain(
  store: Store,
  key: string,
  value: string,
  make: () => ReturnType<Store["txn"]>,
): Promise<boolean> {
  try {
    return (await make()).succeeded;
  } catch (error) {
    if (!isAnswerLost(error) || (await store.get(key))?.value !== value) throw error;
    return true;
  }
}

function checked(name: string, keyspace: Keyspace, shards: readonly Shard[]): string {
  const read = keyspaceSchema.safeParse({ keyspace, shards });
  if (!read.success) throw invalid(name, problemsOf(read.error));
  if (keyspace.name !== name) throw invalid(name, `it is named ${keyspace.name}`);
  return toStored(read.data);
}

function invalid(name: string, problem: string): DcsError {
  return new DcsError("SHARD_KEYSPACE_INVALID", `keyspace ${name}: ${problem}`, {
    details: { keyspace: name, problem },
  });
}

function notEmpty(name: string, { name: shard }: Shard, owners: readonly BucketOwner[]): DcsError {
  const buckets = owners.filter((owner) => owner.shard === shard).length;
  return new DcsError("SHARD_NOT_EMPTY", `shard ${shard} still has ${buckets} buckets of keyspace ${name}`, {
    details: { keyspace: name, shard, buckets },
  });
}
