import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EtcdStore } from "../../src/core/store/etcd/etcd-store.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { newLeaseId } from "../../src/core/util/ids.ts";
import { EtcdServer } from "../support/etcd.ts";
import { FaultyProxy } from "../support/proxy.ts";

const HOLDER = { host: "elsewhere", pid: 1, command: "faults" };
const COUNT = 200;

describe("renewals on etcd that share streams", () => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await EtcdServer.start();
  });

  afterAll(() => server.stop());

  async function open(ports: readonly number[], timeoutMs: number) {
    const url = `etcd://${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
    const store = await EtcdStore.open({ url, timeoutMs, clock: systemClock, random: () => 0.999 });
    const ids = Array.from({ length: COUNT }, () => newLeaseId());
    await Promise.all(ids.map((id) => store.grant({ id, ttlMs: 60_000, holder: HOLDER })));
    return { store, ids, [Symbol.asyncDispose]: () => store.close() };
  }

  it("each get their own answer, also those of leases that are gone and those given up", async () => {
    await using many = await open([server.port], 5000);
    const { store, ids } = many;
    const gone = new Set(ids.filter((_, i) => i % 7 === 0));
    await Promise.all([...gone].map((id) => store.revoke(id)));
    const enough = new AbortController();
    const givenUp = ids.map((id) => store.keepAlive(id, { signal: enough.signal }).catch((error) => error));
    const wanted = ids.map((id) =>
      store.keepAlive(id).then(
        ({ ttlMs }) => ttlMs,
        (error: { code?: string }) => error.code,
      ),
    );
    enough.abort(new Error("enough"));
    const answers = await Promise.all(wanted);
    expect(answers).toEqual(ids.map((id) => (gone.has(id) ? "LEASE_NOT_FOUND" : 60_000)));
    await Promise.all(givenUp);
  });

  it("go over another server when theirs falls silent, and begin again when the connection is cut", async () => {
    await using proxy = await FaultyProxy.start(server.port);
    await using many = await open([proxy.port, server.port], 2000);
    const { store, ids } = many;
    const renewAll = () => Promise.all(ids.map((id) => store.keepAlive(id)));
    await renewAll();
    proxy.mode = "black-hole";
    const start = performance.now();
    expect(await renewAll()).toHaveLength(COUNT);
    expect(performance.now() - start).toBeLessThan(2000);
    proxy.mode = "pass";
    await using single = await open([proxy.port], 5000);
    const under = Promise.all(single.ids.map((id) => single.store.keepAlive(id)));
    proxy.cut();
    expect(await under).toHaveLength(COUNT);
  });

  it("are refused where nobody answers, and at once when the store is closed", async () => {
    await using proxy = await FaultyProxy.start(server.port);
    await using few = await open([proxy.port], 1000);
    await using many = await open([proxy.port], 20_000);
    proxy.mode = "black-hole";
    const under = many.ids.map((id) => many.store.keepAlive(id));
    const closed = Promise.allSettled(under);
    for (const result of await Promise.allSettled(few.ids.map((id) => few.store.keepAlive(id)))) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "STORE_UNREACHABLE" } });
    }
    const start = performance.now();
    await many.store.close();
    expect(new Set((await closed).map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(performance.now() - start).toBeLessThan(500);
  });
});
