import { describe, expect, it } from "vitest";
import type { ShardMap } from "../../../src/core/shard/keyspace.ts";
import type { ShardStore } from "../../../src/core/shard/map/shard-store.ts";
import { until } from "../../support/until.ts";
import { runner, type ShardWorld, want } from "./shard-harness.ts";

/** Every map from the present one on. */
export function watchSuite(world: () => ShardWorld): void {
  describe("watched map", () => {
    it("is the present one first, then each later one", async () => {
      const { store, shards, others, stop } = world();
      const watch = follow(others, stop.signal);
      await until(() => watch.seen.length === 1);
      for (const bucket of [1, 2]) {
        const held = await shards.claim(want(bucket), await runner(store));
        const { mapRevision } = await shards.flip(held, { turnRound: false });
        await until(() => watch.seen.at(-1)?.revision === mapRevision);
        expect(watch.seen.at(-1)).toEqual(await shards.map());
      }
      expect(watch.seen).toHaveLength(3);
      stop.abort();
      await watch.done;
    });

    it("goes on where the store lost its history, and repeats nothing", async () => {
      const { store, other, shards, others, stop } = world();
      const watch = other.watch.bind(other);
      // As after a compaction, or in another life of the store: the driver begins with all there is.
      other.watch = (prefix, from, signal) => watch(prefix, from + 1_000_000_000_000, signal);
      const following = follow(others, stop.signal);
      await until(() => following.seen.length === 1);
      const held = await shards.claim(want(1), await runner(store));
      const { mapRevision } = await shards.flip(held, { turnRound: false });
      await until(() => following.seen.at(-1)?.revision === mapRevision);
      expect(following.seen).toHaveLength(2);
      expect(following.seen[1]?.owners[1]).toEqual({ shard: "c", epoch: 2 });
    });

    it("fails once the keyspace is removed", async () => {
      const { shards, others, stop } = world();
      const watch = follow(others, stop.signal);
      await until(() => watch.seen.length === 1);
      await shards.remove();
      await expect(watch.done).rejects.toMatchObject({ code: "SHARD_KEYSPACE_UNKNOWN" });
      await expect(follow(others, stop.signal).done).rejects.toMatchObject({
        code: "SHARD_KEYSPACE_UNKNOWN",
      });
    });
  });
}

/** What a watch delivers; `done` ends with it. */
export function follow(shards: ShardStore, signal: AbortSignal) {
  const seen: ShardMap[] = [];
  const done = (async () => {
    for await (const map of shards.watchMap(signal)) seen.push(map);
  })();
  done.catch(() => {});
  return { seen, done };
}
