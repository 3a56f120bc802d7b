import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RouterEvent } from "../../src/core/shard/router/router-event.ts";
import { ShardRouter, type ShardRouterOptions } from "../../src/core/shard/router/shard-router.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import type { Store } from "../../src/core/store/store.ts";
import { type MariaDb, startMariaDb } from "../support/mariadb.ts";
import { FaultyProxy, type ProxyMode } from "../support/proxy.ts";
import { type ShardLab, shardLab } from "../support/shard-lab.ts";
import { sharedEtcd } from "../support/shared-etcd.ts";
import { until } from "../support/until.ts";

let server: MariaDb;
let events: RouterEvent[];
const routers: ShardRouter[] = [];

beforeAll(async () => {
  server = await startMariaDb();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  events = [];
});

afterEach(async () => {
  for (const router of routers.splice(0)) await router.close();
});

async function open(lab: ShardLab, store: Store, options: ShardRouterOptions = {}): Promise<ShardRouter> {
  const onEvent = (event: RouterEvent) => events.push(event);
  const router = await ShardRouter.open(store, lab.keyspace.name, { onEvent, ...options });
  routers.push(router);
  return router;
}

const seen = (type: RouterEvent["type"]) => events.filter((event) => event.type === type).length;
const INSERT = "INSERT INTO notes (tenant, id) VALUES (?, ?)";

describe("a router behind a bad line to its shard", () => {
  let proxy: FaultyProxy;
  let lab: ShardLab;
  let tenant: number;
  let router: ShardRouter;
  const ids = () => lab.at(lab.names[0], "SELECT id FROM notes ORDER BY id");

  beforeEach(async () => {
    proxy = await FaultyProxy.start(server.port);
    lab = await shardLab(server, { port: proxy.port });
    tenant = lab.tenant(3);
    router = await open(lab, lab.store, { timeoutMs: 1000 });
    await router.query(tenant, INSERT, [tenant, 1]);
  });

  afterEach(async () => {
    for (const each of routers.splice(0)) await each.close();
    await lab[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  it.each<[string, ProxyMode | null]>([
    ["the connection breaks", null],
    ["nothing answers", "drop-answers"],
    ["nothing arrives", "drop-requests"],
  ])("says that the outcome of a COMMIT is unknown when %s, and does not send it again", async (_, mode) => {
    let calls = 0;
    const written = router.transaction(tenant, async (tx) => {
      calls++;
      await tx.query(INSERT, [tenant, 2]);
      if (mode === null) proxy.cutAfterSend();
      else proxy.mode = mode;
    });
    await expect(written).rejects.toMatchObject({
      code: "SHARD_OUTCOME_UNKNOWN",
      retryable: false,
      exitCode: 5,
    });
    expect(calls).toBe(1);
    expect(seen("retry")).toBe(0);
    proxy.mode = "pass";
    proxy.cut();
    await router.query(tenant, INSERT, [tenant, 3]);
    expect(["1\n3", "1\n2\n3"]).toContain(await ids());
  });

  it("tries again what was lost before its COMMIT, and does it once", async () => {
    let calls = 0;
    await router.transaction(tenant, async (tx) => {
      await tx.query(INSERT, [tenant, 2]);
      if (calls++ === 0) proxy.cut();
      await tx.query(INSERT, [tenant, 3]);
    });
    expect(calls).toBe(2);
    expect(await ids()).toBe("1\n2\n3");
  });

  it("gives up within its time on a shard that does not answer, and goes on when it does", async () => {
    proxy.mode = "black-hole";
    const began = performance.now();
    await expect(router.query(tenant, INSERT, [tenant, 2])).rejects.toMatchObject({
      code: "SHARD_UNREACHABLE",
    });
    expect(performance.now() - began).toBeLessThan(4000);
    proxy.mode = "pass";
    await router.query(tenant, INSERT, [tenant, 3]);
    expect(await ids()).toBe("1\n3");
  });
});

describe("a router whose lease is lost", () => {
  it("looks again before the COMMIT of what outlived it, and does it where the bucket is", async () => {
    await using lab = await shardLab(server);
    const [a, b] = lab.names;
    const tenant = lab.tenant(1);
    const router = await open(lab, lab.store, { leaseMs: 1500 });
    const tries: string[] = [];
    const seenRows = await router.transaction(tenant, async (tx) => {
      tries.push(tx.shard);
      if (tries.length === 1) {
        const [ack] = await lab.shards.acks();
        await lab.store.revoke(ack?.lease ?? "");
        await until(() => seen("joined") === 2);
        // Nobody waits for this transaction any more: its rows are deleted under it.
        await (await lab.move(1, a, b)).all();
        await lab.at(b, `INSERT INTO notes (tenant, id) VALUES (${tenant}, 9)`);
      }
      return (await tx.query("SELECT id FROM notes WHERE tenant = ?", [tenant])).rows;
    });
    expect(tries).toEqual([a, b]);
    expect(seenRows).toEqual([{ id: 9 }]);
    for (const each of routers.splice(0)) await each.close();
  });

  it("looks again after a statement that outlived it, too", async () => {
    await using lab = await shardLab(server);
    const [a, b] = lab.names;
    const tenant = lab.tenant(1);
    await lab.at(a, `INSERT INTO notes (tenant, id) VALUES (${tenant}, 1)`);
    const router = await open(lab, lab.store, { leaseMs: 1500 });
    for (const shard of lab.names)
      await lab.at(shard, "CREATE TABLE gate (open INT); INSERT INTO gate VALUES (1)");
    await using gate = await lab.session(a);
    await gate.run("LOCK TABLES gate WRITE;");
    const reading = router.query(tenant, "SELECT id FROM notes, gate WHERE tenant = ? ORDER BY id", [tenant]);
    const waits =
      "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table metadata lock'";
    await until(async () => (await server.run(waits)) === "1");
    const [ack] = await lab.shards.acks();
    await lab.store.revoke(ack?.lease ?? "");
    await until(() => seen("joined") === 2);
    await (await lab.move(1, a, b)).all();
    await lab.at(b, `INSERT INTO notes (tenant, id) VALUES (${tenant}, 9)`);
    await gate.run("UNLOCK TABLES;");
    // Where it was sent nothing is left.
    expect((await reading).rows).toEqual([{ id: 1 }, { id: 9 }]);
    for (const each of routers.splice(0)) await each.close();
  });
});

describe("a router that is cut off from the store", () => {
  const etcd = sharedEtcd();

  it("goes on until its lease ends, refuses then, and joins again with the map of now", async () => {
    await using proxy = await FaultyProxy.start(etcd.server.port);
    const path = etcd.space();
    const settings = { timeoutMs: 600, stateDir: "/nowhere" };
    await using direct = await openStore(`etcd://127.0.0.1:${etcd.server.port}${path}`, settings);
    await using through = await openStore(`etcd://127.0.0.1:${proxy.port}${path}`, settings);
    await using lab = await shardLab(server, { store: direct });
    const [a, b] = lab.names;
    const tenant = lab.tenant(1);
    const router = await open(lab, through, { leaseMs: 2500, retryMs: 1000 });
    await until(() => seen("acked") === 1);

    proxy.mode = "black-hole";
    proxy.cut();
    await until(() => seen("doubt") > 0);
    await router.query(tenant, INSERT, [tenant, 1]);
    // The store knows nothing newer than its ack, so no mover would go past the barrier meanwhile.
    expect(await lab.shards.acks()).toMatchObject([{ revision: router.map.revision }]);

    await until(() => seen("stale") > 0);
    await until(async () => {
      const error: unknown = await router
        .query(tenant, INSERT, [tenant, 2])
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "SHARD_ROUTER_STALE", exitCode: 5 });
      return (await lab.shards.acks()).length === 0;
    });
    await (await lab.move(1, a, b)).all();
    await expect(router.query(tenant, INSERT, [tenant, 2])).rejects.toMatchObject({
      code: "SHARD_ROUTER_STALE",
    });

    proxy.mode = "pass";
    proxy.cut();
    await until(() => seen("joined") === 2);
    await router.query(tenant, INSERT, [tenant, 3]);
    expect(seen("retry")).toBe(0);
    await until(async () => (await lab.shards.acks())[0]?.revision === router.map.revision);
    expect(await lab.at(b, "SELECT id FROM notes ORDER BY id")).toBe("1\n3");
    for (const each of routers.splice(0)) await each.close();
  });

  it("finds a bucket that moved meanwhile refused, and says that it cannot read the map", async () => {
    await using proxy = await FaultyProxy.start(etcd.server.port);
    const path = etcd.space();
    const settings = { timeoutMs: 600, stateDir: "/nowhere" };
    await using direct = await openStore(`etcd://127.0.0.1:${etcd.server.port}${path}`, settings);
    await using through = await openStore(`etcd://127.0.0.1:${proxy.port}${path}`, settings);
    await using lab = await shardLab(server, { store: direct });
    const [a, b] = lab.names;
    const router = await open(lab, through, { leaseMs: 30_000, retryMs: 1000 });
    proxy.mode = "black-hole";
    proxy.cut();
    await (await lab.move(1, a, b)).all();
    await expect(router.query(lab.tenant(1), INSERT, [lab.tenant(1), 1])).rejects.toMatchObject({
      code: "SHARD_BUCKET_CLOSED",
      message: expect.stringContaining("the map could not be read again"),
    });
    await router.query(lab.tenant(2), INSERT, [lab.tenant(2), 1]);
    proxy.mode = "pass";
    for (const each of routers.splice(0)) await each.close();
  });
});
