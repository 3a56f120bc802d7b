import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LeaseKeeper } from "../../src/core/lease/keeper.ts";
import type { Store } from "../../src/core/store/store.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { newLeaseId } from "../../src/core/util/ids.ts";
import { EtcdServer } from "../support/etcd.ts";
import { expectWithin } from "../support/expect-within.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";
import { blackHole, HOLDER, lease, open } from "./kit/etcd-stores.ts";

describe("etcd store under faults", () => {
  let server: EtcdServer;

  beforeAll(async () => {
    server = await EtcdServer.start();
  });

  afterAll(() => server.stop());

  describe("outcomes", () => {
    let store: Store;
    let direct: Store;
    let proxy: FaultyProxy;

    beforeEach(async () => {
      proxy = await FaultyProxy.start(server.port);
      store = await open([proxy.port]);
      direct = await open([server.port]);
      await store.get("a");
      return async () => {
        await store.close();
        await direct.close();
        await proxy[Symbol.asyncDispose]();
      };
    });

    /** Runs `work` so that its request arrives and its answer is lost with the connection. */
    async function losingTheAnswer<T>(work: () => Promise<T>, arrived: () => Promise<boolean>): Promise<T> {
      proxy.mode = "drop-answers";
      const result = work();
      result.catch(() => {});
      await until(arrived);
      proxy.mode = "pass";
      proxy.cut();
      return result;
    }

    const versionOf = (key: string) =>
      JSON.parse(server.mustCtl("get", key, "-w", "json")).kvs?.[0]?.version as number | undefined;

    it("finds out that a transaction on its own lease was made, and its revision", async () => {
      const request = lease();
      await direct.grant(request);
      const key = `lost/${request.id}`;
      const result = await losingTheAnswer(
        () => store.txn({ ops: [{ put: key, value: "v", lease: request.id }] }),
        async () => (await direct.get(key)) !== null,
      );
      expect(result).toEqual({ succeeded: true, revision: (await direct.get(key))?.modRevision });
      expect(versionOf(key)).toBe(1);
    });

    it("does not run a transaction twice, and says that its outcome is unknown", async () => {
      const key = `once/${newLeaseId()}`;
      const work = losingTheAnswer(
        () => store.txn({ ops: [{ put: key, value: "v" }] }),
        async () => (await direct.get(key)) !== null,
      );
      await expect(work).rejects.toMatchObject({
        code: "STORE_UNREACHABLE",
        details: { outcome: "unknown" },
      });
      expect(versionOf(key)).toBe(1);
    });

    it("loses no increment to answers that are lost", async () => {
      const key = `count/${newLeaseId()}`;
      await direct.txn({ ops: [{ put: key, value: "0" }] });
      const before = await direct.get(key);
      const work = losingTheAnswer(
        () =>
          store.txn({
            compares: [{ key, modRevision: before?.modRevision ?? 0 }],
            ops: [{ put: key, value: "1" }],
          }),
        async () => (await direct.get(key))?.value === "1",
      );
      await expect(work).rejects.toMatchObject({ details: { outcome: "unknown" } });
      expect(await direct.get(key)).toMatchObject({ value: "1" });
      expect(versionOf(key)).toBe(2);
    });

    it("makes one lease when the answer to a grant is lost", async () => {
      const request = lease();
      const granted = await losingTheAnswer(
        () => store.grant(request),
        async () => (await direct.leases()).some(({ id }) => id === request.id),
      );
      expect(granted).toEqual({ id: request.id, ttlMs: 60_000 });
      expect(await direct.lease(request.id)).toMatchObject({ holder: HOLDER });
    });

    it("finds out that a lease was revoked by itself", async () => {
      const request = lease();
      await direct.grant(request);
      const revoked = await losingTheAnswer(
        () => store.revoke(request.id),
        async () => (await direct.lease(request.id)) === null,
      );
      expect(revoked).toBe(true);
    });

    it("keeps its connection and its watches when a call fails", async () => {
      const watches = () => server.metric("grpc_server_started_total", 'grpc_method="Watch"');
      const before = await watches();
      const stop = new AbortController();
      const seen: string[] = [];
      const { revision } = await store.list("steady/");
      const done = (async () => {
        for await (const batch of store.watch("steady/", revision + 1, stop.signal)) {
          seen.push(...batch.events.map((event) => (event.type === "put" ? event.kv.key : "")));
        }
      })();
      for (let i = 0; i < 5; i++) {
        await expect(store.txn({ ops: [{ put: "x", value: "", lease: "1234" }] })).rejects.toMatchObject({
          code: "LEASE_NOT_FOUND",
          details: { lease: "1234" },
        });
      }
      await store.txn({ ops: [{ put: "steady/a", value: "" }] });
      await until(() => seen.includes("steady/a"));
      expect(await watches()).toBe(before + 1);
      stop.abort();
      await done;
    });

    it("says that a lease is lost no later than its TTL after the last renewal that was answered", async () => {
      const request = lease(2000);
      const sent = systemClock.monotonic();
      const { ttlMs } = await store.grant(request);
      const keeper = new LeaseKeeper({
        ttlMs,
        deadline: sent + ttlMs,
        renew: (signal) => store.keepAlive(request.id, { signal }),
        isGone: () => false,
        clock: systemClock,
      });
      keeper.start();
      await until(() => keeper.deadline > sent + ttlMs);
      proxy.mode = "drop-answers";
      const { deadline } = keeper;
      expect(await keeper.lost).toMatchObject({ reason: "expired" });
      expectWithin(systemClock.monotonic() - deadline, 200);
    });
  });

  it("leaves no connection when it is closed, even to a server that fell silent after a renewal", async () => {
    await using proxy = await FaultyProxy.start(server.port);
    await using store = await open([proxy.port]);
    const { id } = await store.grant(lease());
    await store.keepAlive(id);
    // A renewal is a stream; that the server ends it is not heard any more.
    proxy.mode = "black-hole";
    await store.close();
    await until(() => proxy.open === 0);
  });

  it("lets the process end when it is closed, whatever was under way", async () => {
    await using hole = await blackHole(server.port);
    const source = `
      import { openStore } from "./src/core/store/open-store.ts";
      const url = "etcd://127.0.0.1:${hole.port},127.0.0.1:1,127.0.0.1:${server.port}/p";
      for (const one of [url, "etcd://127.0.0.1:${hole.port}"]) {
        const store = await openStore(one, { timeoutMs: 700, stateDir: "/nowhere" });
        void (async () => { for await (const _ of store.watch("w", 1, new AbortController().signal)); })();
        await store.get("a").catch(() => {});
        void store.get("b").catch(() => {});
        await store.close();
      }
      console.log("closed");`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
      cwd: new URL("../..", import.meta.url),
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [said] = await once(child.stdout, "data");
    const closed = performance.now();
    expect(String(said)).toBe("closed\n");
    const [code] = await once(child, "exit");
    expect(code).toBe(0);
    expectWithin(performance.now() - closed, 400);
  });
});
