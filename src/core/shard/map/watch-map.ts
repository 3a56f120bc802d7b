import type { WatchBatch } from "../../store/store.ts";
import type { ShardMap } from "../keyspace.ts";
import { keyspaceUnknown, ownersOf, type ShardParts } from "./shard-parts.ts";

/**
 * The present map, then each later one. Where the store lost its history it is the present one that comes next; a map of an older
 * revision is only ever delivered when the store itself went back.
 */
export async function* watchMap(
  { store, keys, name }: ShardParts,
  signal: AbortSignal,
): AsyncGenerator<ShardMap, void> {
  if (signal.aborted) return;
  const { kvs, revision } = await store.list(keys.map);
  const [present] = kvs;
  if (present === undefined) throw await keyspaceUnknown(store, name);
  let seen = present.modRevision;
  yield { keyspace: name, revision: seen, owners: ownersOf(present) };
  for await (const batch of store.watch(keys.map, revision + 1, signal)) {
    const last = lastOf(batch, keys.map);
    if (last === "gone") throw await keyspaceUnknown(store, name);
    if (last === null || last.modRevision === seen) continue;
    seen = last.modRevision;
    yield { keyspace: name, revision: seen, owners: ownersOf(last) };
  }
}

function lastOf({ events, resync }: WatchBatch, key: string) {
  const last = events.findLast((event) => (event.type === "put" ? event.kv.key : event.key) === key);
  if (last === undefined) return resync ? "gone" : null;
  return last.type === "put" ? last.kv : "gone";
}
