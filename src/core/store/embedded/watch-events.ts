import type { Revision, WatchEvent } from "../store.ts";
import { type Row, toKeyValue } from "./rows.ts";

export function toPut(row: Row): WatchEvent {
  return { type: "put", kv: toKeyValue(row) };
}

export function toDelete(row: Row): WatchEvent {
  return { type: "delete", key: String(row.key), revision: Number(row.revision) };
}

/** One list in revision order; a key deleted and put again in one revision is deleted first. */
export function inOrder(deletes: readonly WatchEvent[], puts: readonly WatchEvent[]): readonly WatchEvent[] {
  return [...deletes, ...puts].sort((a, b) => revisionOf(a) - revisionOf(b));
}

function revisionOf(event: WatchEvent): Revision {
  return event.type === "put" ? event.kv.modRevision : event.revision;
}
