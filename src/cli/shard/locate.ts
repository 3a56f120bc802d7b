import type { Settings } from "../../core/config/settings.ts";
import { type BucketRow, locateKey, readBucketRows } from "../../core/shard/router/locate-key.ts";
import type { Store } from "../../core/store/store.ts";
import type { Output } from "../output.ts";
import { openShards } from "./keyspace-flag.ts";
import { openServers } from "./shard-places.ts";

export interface LocateOptions {
  readonly keyspace: string | undefined;
  readonly key: string;
  /** Asks the servers too. */
  readonly check: boolean;
}

/** Tells where a key is: key → crc → bucket → shard@epoch, and with `check` what the shards say of the bucket. */
export async function tellPlace(
  { keyspace: name, key, check }: LocateOptions,
  { store, settings, out }: { readonly store: Store; readonly settings: Settings; readonly out: Output },
): Promise<void> {
  const { keyspace, shards } = await openShards(store, name);
  const state = await shards.keyspace();
  const [map, moves] = await Promise.all([shards.map(), shards.moves()]);
  const place = locateKey(key, state.keyspace, map, moves);
  await using servers = openServers({ settings });
  const rows = check ? await readBucketRows(servers, state.shards, place.bucket) : null;
  const { crc, bucket, shard, epoch, move } = place;
  out.result(
    "shard.locate",
    { keyspace, key, ...place, servers: rows },
    {
      lines: () => [
        `${key} → crc ${crc} → bucket ${bucket} of ${state.keyspace.buckets} → ${shard}@${epoch}`,
        ...(move === null
          ? []
          : [
              `on its way from ${move.src} to ${move.dst}${move.intent === "abort" ? ", being taken back" : ""}`,
            ]),
        ...(rows ?? []).map(rowLine),
      ],
      names: () => [shard],
    },
  );
}

function rowLine({ shard, row }: BucketRow): string {
  return `${shard} says ${row === null ? "nothing" : `${row.state}@${row.epoch}`}`;
}
