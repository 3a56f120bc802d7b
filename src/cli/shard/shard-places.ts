import type { Settings } from "../../core/config/settings.ts";
import { ShardServers } from "../../core/shard/operate/shard-servers.ts";
import { shardTarget } from "../../core/shard/shard-url.ts";
import type { Store } from "../../core/store/store.ts";
import { systemClock } from "../../core/util/clock.ts";
import type { Output } from "../output.ts";

/** What of a command those that work on shards need. */
export interface ShardPlaces {
  readonly settings: Settings;
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly store: Store;
}

/** True when moves are shown in a live view, whose lines are gone at the end; elsewhere each was told as it happened. */
export function isLive({ out }: Pick<ShardPlaces, "out">): boolean {
  return out.tty && !out.quiet && process.stderr.isTTY === true;
}

/** The servers of the shards, by the environment of this process. */
export function openServers({ settings }: Pick<ShardPlaces, "settings">): ShardServers {
  return new ShardServers({
    target: (shard) => shardTarget(shard, process.env),
    clock: systemClock,
    timeoutMs: settings.timeoutMs.value,
  });
}
