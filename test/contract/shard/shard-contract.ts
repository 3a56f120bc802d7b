import { afterEach, beforeEach, describe } from "vitest";
import { ShardStore } from "../../../src/core/shard/map/shard-store.ts";
import type { Store } from "../../../src/core/store/store.ts";
import type { StoreHarness } from "../store/store-harness.ts";
import { keyspaceSuite } from "./keyspace-suite.ts";
import { lostAnswersSuite } from "./lost-answers-suite.ts";
import { movesSuite } from "./moves-suite.ts";
import { keyspace, owners, type ShardWorld, shard } from "./shard-harness.ts";
import { watchSuite } from "./watch-suite.ts";

/** What a keyspace in the store promises, on every driver of the store. */
export function shardContract(name: string, setUp: () => Promise<StoreHarness>): void {
  describe(`shard contract: ${name}`, () => {
    let harness: StoreHarness;
    let store: Store;
    let other: Store;
    let world: ShardWorld;

    beforeEach(async () => {
      harness = await setUp();
      store = await harness.open();
      other = await harness.open();
      const [shards, others] = [new ShardStore(store, "shop"), new ShardStore(other, "shop")];
      world = { harness, store, other, shards, others, stop: new AbortController() };
      await shards.create(keyspace(), [shard("a"), shard("b"), shard("c")], owners());
    });

    afterEach(async () => {
      world.stop.abort();
      await store.close();
      await other.close();
      await harness.destroy();
    });

    keyspaceSuite(() => world);
    movesSuite(() => world);
    lostAnswersSuite(() => world);
    watchSuite(() => world);
  });
}
