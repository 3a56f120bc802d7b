import { DcsError } from "../errors.ts";
import type { Holder, KeyValue, Store } from "../store/store.ts";
import { formatDuration } from "../util/duration.ts";
import type { Entry } from "./entry.ts";

const MAX_NAMED = 20;

/** Who stands at a key, as far as the store knows. */
export async function holderOf(store: Store, kv: KeyValue): Promise<Holder | null> {
  if (kv.lease === null) return null;
  return (await store.lease(kv.lease))?.holder ?? null;
}

/** INSTANCE_TAKEN, naming the other registrant. */
export async function takenError(
  store: Store,
  entries: readonly Entry[],
  waitedMs: number,
): Promise<DcsError> {
  const [first] = entries;
  const kv = first?.takenBy ?? null;
  const info = kv?.lease == null ? null : await store.lease(kv.lease);
  const holder = info?.holder ?? null;
  const who =
    holder === null ? "another registrant" : `pid ${holder.pid} on ${holder.host} (${holder.command})`;
  const more = entries.length > 1 ? `, and ${entries.length - 1} more are taken` : "";
  const waited = waitedMs > 0 ? ` (waited ${formatDuration(waitedMs)})` : "";
  return new DcsError("INSTANCE_TAKEN", `${first?.id} is held by ${who}${more}${waited}`, {
    hint: `stop it, or run \`dcs deregister ${first?.id}\``,
    details: {
      instance: first?.id,
      instances: entries.slice(0, MAX_NAMED).map((entry) => entry.id),
      count: entries.length,
      lease: kv?.lease ?? null,
      holder,
      remainingMs: info?.remainingMs ?? null,
      waitedMs: Math.round(waitedMs),
    },
  });
}
