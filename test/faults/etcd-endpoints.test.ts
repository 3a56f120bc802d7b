import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EtcdServer } from "../support/etcd.ts";
import { expectWithin } from "../support/expect-within.ts";
import { halt } from "../support/halt.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";
import { blackHole, lease, open } from "./kit/etcd-stores.ts";

async function timed(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work.catch(() => {});
  return performance.now() - start;
}

describe("the endpoints of an etcd store", () => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await EtcdServer.start();
  });

  afterAll(() => server.stop());

  it("uses the second of two when the first is a black hole, and remembers", async () => {
    await using hole = await blackHole(server.port);
    await using store = await open([hole.port, server.port]);
    expectWithin(await timed(store.get("a")), 1500);
    expectWithin(await timed(store.get("a")), 200);
  });

  it("uses the second of two when the first is dead", async () => {
    await using store = await open([1, server.port]);
    expectWithin(await timed(store.get("a")), 1000);
    await store.txn({ ops: [{ put: "dead/a", value: "1" }] });
  });

  it("goes to the second when the first falls silent in use, and makes the change once", async () => {
    await using proxy = await FaultyProxy.start(server.port);
    await using store = await open([proxy.port, server.port], 2000);
    await store.get("a");
    proxy.mode = "black-hole";
    const request = lease();
    const put = { put: `silent/${request.id}`, value: "", lease: request.id };
    const compares = [{ key: put.put, is: "absent" as const }];
    expect(await store.txn({ compares, ops: [put], grant: request })).toMatchObject({ succeeded: true });
    expect(await store.get(put.put)).toMatchObject({ lease: request.id });
  });

  it("is STORE_UNREACHABLE at once where all refuse", async () => {
    await using store = await open([1]);
    const start = performance.now();
    await expect(store.get("a")).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
      details: {
        url: "etcd://127.0.0.1:1",
        endpoints: [{ endpoint: "127.0.0.1:1", why: "connect ECONNREFUSED 127.0.0.1:1" }],
      },
    });
    expectWithin(performance.now() - start, 1000);
  });

  it("is STORE_UNREACHABLE within the timeout where nobody answers", async () => {
    await using hole = await blackHole(server.port);
    await using store = await open([hole.port, hole.port], 600);
    const request = lease();
    const calls = [
      () => store.get("a"),
      () => store.txn({ ops: [{ put: "a", value: "" }], grant: request }),
      () => store.keepAlive(request.id),
      () => store.leases(),
    ];
    const why = "no answer within 600ms";
    await Promise.all(
      calls.map(async (call) => {
        const start = performance.now();
        await expect(call()).rejects.toMatchObject({
          code: "STORE_UNREACHABLE",
          details: { endpoints: [{ why }, { why }] },
        });
        const took = performance.now() - start;
        expect(took).toBeGreaterThan(500);
        expectWithin(took, 1000);
      }),
    );
  });

  it("is STORE_UNREACHABLE within the timeout on a server that was stopped in use, and works again after", async () => {
    await using store = await open([server.port], 800);
    await store.get("a");
    await halt(server.pid);
    try {
      const start = performance.now();
      await expect(store.get("a")).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
      expectWithin(performance.now() - start, 1100);
    } finally {
      process.kill(server.pid, "SIGCONT");
    }
    await until(() =>
      store.get("a").then(
        () => true,
        () => false,
      ),
    );
  });
});
