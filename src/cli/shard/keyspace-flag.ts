import { string } from "@oclif/core/flags";
import type { Settings } from "../../core/config/settings.ts";
import { DcsError } from "../../core/errors.ts";
import { keyspacesOf, ShardStore } from "../../core/shard/map/shard-store.ts";
import type { Store } from "../../core/store/store.ts";
import { shellQuote } from "../../core/util/shell-quote.ts";
import { sameBackend } from "../where.ts";

/** Which keyspace; every command of shards has it. */
export const keyspaceFlag = {
  keyspace: string({
    char: "k",
    helpValue: "NAME",
    summary: "Keyspace; the only one of the store unless given",
  }),
};

/** `dcs shard resume`, as it has to be typed after a command that was given this keyspace by flag, or none. */
export function resumeCommand(settings: Settings, keyspace: string | undefined): string {
  const named = keyspace === undefined ? "" : ` --keyspace ${shellQuote(keyspace)}`;
  return `dcs shard resume${named}${sameBackend(settings)}`;
}

/** The store, and what it keeps of the keyspace that is meant. */
export interface OpenShards {
  readonly store: Store;
  readonly shards: ShardStore;
  readonly keyspace: string;
}

/** The keyspace that was named, or the only one there is. SHARD_KEYSPACE_UNKNOWN says which there are. */
export async function openShards(store: Store, name: string | undefined): Promise<OpenShards> {
  if (name !== undefined) return { store, keyspace: name, shards: new ShardStore(store, name) };
  const names = await keyspacesOf(store);
  const [only] = names;
  if (only === undefined || names.length > 1) {
    const message =
      only === undefined
        ? "there is no keyspace in the store"
        : `there are ${names.length} keyspaces: ${names.join(", ")}`;
    throw new DcsError("SHARD_KEYSPACE_UNKNOWN", message, {
      hint: only === undefined ? "make one: dcs shard init" : `name one: --keyspace ${only}`,
      details: { keyspaces: names },
    });
  }
  return { store, keyspace: only, shards: new ShardStore(store, only) };
}
