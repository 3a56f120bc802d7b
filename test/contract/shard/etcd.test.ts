import { expect, it } from "vitest";
import { ShardStore } from "../../../src/core/shard/map/shard-store.ts";
import { openStore } from "../../../src/core/store/open-store.ts";
import { FaultyProxy } from "../../support/proxy.ts";
import { sharedEtcd } from "../../support/shared-etcd.ts";
import { until } from "../../support/until.ts";
import { shardContract } from "./shard-contract.ts";
import { keyspace, owners, runner, shard, want } from "./shard-harness.ts";
import { follow } from "./watch-suite.ts";

const etcd = sharedEtcd();

shardContract("etcd", async () => {
  const space = etcd.space();
  return { open: () => etcd.server.open(space), destroy: async () => {}, expiryLagMs: 1500 };
});

it("does each step once on a connection that ends whenever a change was sent", async () => {
  await using proxy = await FaultyProxy.start(etcd.server.port);
  const url = `etcd://127.0.0.1:${proxy.port}${etcd.space()}`;
  await using store = await openStore(url, { timeoutMs: 10_000, stateDir: "/nowhere" });
  const shards = new ShardStore(store, "shop");
  await shards.create(keyspace(), [shard("a"), shard("b"), shard("c")], owners());
  const txn = store.txn.bind(store);
  store.txn = (request, options) => {
    proxy.cutAfterSend();
    return txn(request, options);
  };
  const accepted = proxy.accepted;
  const by = await runner(store);
  const held = await shards.claim(want(1), by);
  const taken = await shards.takeOver(1, await runner(store, by.lease), { force: false });
  if (taken === null) throw new Error("no move");
  expect(taken.token).toBeGreaterThan(held.token);
  const { held: flipped } = await shards.flip(taken, { turnRound: false });
  expect(flipped.mapEpoch).toBe(2);
  await shards.end(flipped);
  expect((await shards.map()).owners[1]).toEqual({ shard: "c", epoch: 2 });
  expect(await shards.moves()).toEqual([]);
  expect(proxy.accepted).toBeGreaterThanOrEqual(accepted + 4);
});

it("has the last map after a compaction that went over the watch", async () => {
  await using proxy = await FaultyProxy.start(etcd.server.port);
  const space = etcd.space();
  await using far = await openStore(`etcd://127.0.0.1:${proxy.port}${space}`, {
    timeoutMs: 10_000,
    stateDir: "/nowhere",
  });
  await using near = await etcd.server.open(space);
  const shards = new ShardStore(near, "shop");
  await shards.create(keyspace(), [shard("a"), shard("b"), shard("c")], owners());
  const stop = new AbortController();
  const watch = follow(new ShardStore(far, "shop"), stop.signal);
  await until(() => watch.seen.length === 1);
  proxy.mode = "black-hole";
  proxy.cut();
  const by = await runner(near);
  let last = 0;
  for (const bucket of [1, 2, 3]) {
    const held = await shards.claim(want(bucket), by);
    last = (await shards.flip(held, { turnRound: false })).mapRevision;
  }
  etcd.server.mustCtl("compact", String(last));
  proxy.mode = "pass";
  proxy.cut();
  await until(() => watch.seen.at(-1)?.revision === last, 20_000);
  expect(watch.seen.at(-1)).toEqual(await shards.map());
  stop.abort();
  await watch.done;
});
