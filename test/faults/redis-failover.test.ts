import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AcquireRequest, LockDriver } from "../../src/core/lock/lock.ts";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { redisLockKeys } from "../../src/core/lock/redis/redis-keys.ts";
import { keySlot } from "../../src/core/redis/key-slot.ts";
import { expectWithin } from "../support/expect-within.ts";
import { freePort } from "../support/free-port.ts";
import { type ClusterSetUp, startCluster } from "../support/redis-cluster.ts";
import { startSentinels } from "../support/redis-sentinel.ts";
import { until } from "../support/until.ts";

const HOLDER = { host: "elsewhere", pid: 1, command: "test" };

function request(name: string, over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name, ttlMs: 30_000, waitMs: 0, holder: HOLDER, detached: false, ...over };
}

const opened: AsyncDisposable[] = [];

const open = async (url: string, timeoutMs = 10_000): Promise<LockDriver> => {
  const locks = await openLocks({ url, timeoutMs, stateDir: "/nonexistent" });
  opened.push(locks);
  return locks;
};

const defer = (stop: () => unknown) =>
  opened.unshift({
    async [Symbol.asyncDispose]() {
      await stop();
    },
  });

afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

describe("locks on Redis behind Sentinel", () => {
  it("go on at the replica when the master is killed, with higher fences, and never at the old one", async () => {
    const setUp = await startSentinels();
    defer(() => setUp.stop());
    const locks = await open(setUp.url);
    const waiting = await open(setUp.url);
    const first = await locks.acquire(request("a"));
    await locks.release("a", first.token);
    const held = await locks.acquire(request("held"));
    // A hold that the replica has not got is lost with the master.
    const replica = new Redis(setUp.replica.port, "127.0.0.1");
    defer(() => replica.disconnect());
    await until(async () => (await replica.get("held")) === held.token);
    const woken = waiting.acquire(request("held", { waitMs: 60_000 }));
    // It may be asking the master when that dies.
    woken.catch(() => {});
    await until(async () => (await locks.inspect("held"))?.waiters.length === 1);
    await setUp.master.stop();
    // Nothing was run at the dead master: asked again at the new one, within the timeout.
    let second = null;
    await until(async () => {
      second = await locks.acquire(request("a")).catch(() => null);
      return second !== null;
    }, 30_000);
    expect(second).toMatchObject({ name: "a" });
    expect((second ?? first).fence).toBeGreaterThan(first.grant);
    expect(await replica.get("a")).not.toBeNull();
    expect((await locks.renew("held", held.token)).ttlMs).toBe(30_000);
    await locks.release("held", held.token);
    await woken.catch(() => {});
  });

  it("follow a failover that an operator asks for, away from a master that lives on as a replica", async () => {
    const setUp = await startSentinels();
    defer(() => setUp.stop());
    const locks = await open(setUp.url);
    const first = await locks.acquire(request("a"));
    const [sentinel = ""] = /127\.0\.0\.1:\d+/.exec(setUp.url) ?? [];
    const client = new Redis(Number(sentinel.split(":")[1]), "127.0.0.1", { replyMapping: "legacy" });
    defer(() => client.disconnect());
    await client.call("SENTINEL", "FAILOVER", "dcs-test");
    const old = new Redis(setUp.master.port, "127.0.0.1");
    defer(() => old.disconnect());
    const isNew = async () =>
      String(await client.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "dcs-test")).endsWith(
        String(setUp.replica.port),
      );
    await until(isNew, 20_000);
    // What the Sentinels do within 10 s.
    await old.replicaof("127.0.0.1", setUp.replica.port);
    const second = await locks.acquire(request("b"));
    expect(second.fence).toBeGreaterThan(first.grant);
    await locks.renew("a", first.token);
  });

  it("says within the timeout that no Sentinel answers, or that none knows the master", async () => {
    const begin = performance.now();
    await expect(open(`redis+sentinel://127.0.0.1:${await freePort()}/m`, 1000)).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
      message: expect.stringMatching(/no Sentinel .* can be asked for the master: ./),
    });
    const setUp = await startSentinels();
    defer(() => setUp.stop());
    const asked = performance.now();
    await expect(open(setUp.url.replace("dcs-test", "other"), 1000)).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
      message: expect.stringMatching(/no Sentinel .* knows that master/),
    });
    expectWithin(performance.now() - asked, 1700);
    expect(asked - begin).toBeLessThan(60_000);
  });
});

describe("locks on a Redis Cluster", () => {
  let cluster: ClusterSetUp;

  beforeAll(async () => {
    cluster = await startCluster();
  });

  // Where it did not start, there is none.
  afterAll(() => cluster?.stop());

  it("have all their keys in one slot, whatever braces the name has", async () => {
    const [locks, others] = [await open(cluster.url), await open(cluster.url)];
    const names = ["{a}b", "a{b}c", "a{b", "a}b", "{}a", "}{", "{{a}}", "x"];
    for (const name of names) {
      const hold = await locks.acquire(request(name));
      const waiting = others.acquire(request(name, { waitMs: 20_000 }));
      await until(async () => (await locks.inspect(name))?.waiters.length === 1);
      await locks.release(name, hold.token);
      await waiting;
    }
    expect((await others.list()).map(({ name }) => name)).toEqual([...names].sort());
  });

  it("are followed when their slot moves: ASK on the way, MOVED after it", async () => {
    const locks = await open(cluster.url);
    const name = "moving";
    const slot = keySlot(name);
    const from = slot < 5461 ? 0 : slot < 10_923 ? 1 : 2;
    const to = (from + 1) % 3;
    const hold = await locks.acquire(request(name));
    const id = async (master: number) => String(await cluster.call(master, "CLUSTER", "MYID"));
    await cluster.call(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", await id(from));
    await cluster.call(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", await id(to));
    const present = (await cluster.call(from, "CLUSTER", "GETKEYSINSLOT", slot, 100)) as string[];
    expect(present.toSorted()).toEqual([redisLockKeys(name).state, name].toSorted());
    await cluster.call(
      from,
      "MIGRATE",
      ...["127.0.0.1", cluster.masters[to]?.port ?? 0, "", 0, 5000, "KEYS", ...present],
    );
    // Some of its keys are nowhere: TRYAGAIN until the slot has moved, and it is tried again.
    const renewed = locks.renew(name, hold.token);
    for (const master of [to, from, (from + 2) % 3])
      await cluster.call(master, "CLUSTER", "SETSLOT", slot, "NODE", await id(to));
    expect((await renewed).ttlMs).toBe(30_000);
    await locks.renew(name, hold.token);
    await locks.release(name, hold.token);
    const next = await locks.acquire(request(name));
    expect(next.fence).toBeGreaterThan(hold.grant);
  });

  it("are not taken for one server, nor one server for a Cluster", async () => {
    const single = await open(cluster.url.replace("redis+cluster", "redis"));
    const names = Array.from({ length: 20 }, (_, i) => `name-${i}`);
    const tries = await Promise.allSettled(names.map((name) => single.acquire(request(name))));
    const refused = tries.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const each of refused) {
      expect(each).toMatchObject({
        reason: { code: "URL_INVALID", hint: expect.stringContaining("redis+cluster://") },
      });
    }
  });

  it("work at the masters that are left when one is dead, and say so at the others, within the timeout", async () => {
    for (const i of [0, 1, 2]) await cluster.call(i, "CONFIG", "SET", "cluster-require-full-coverage", "no");
    const locks = await open(cluster.url, 1500);
    const names = Array.from({ length: 20 }, (_, i) => `left-${i}`);
    const slotOf = (name: string) => keySlot(name);
    for (const name of names) await locks.release(name, (await locks.acquire(request(name))).token);
    await cluster.masters[2]?.stop();
    const there = names.filter((name) => slotOf(name) < 10_923);
    const lost = names.filter((name) => slotOf(name) >= 10_923);
    expect(there.length * lost.length).toBeGreaterThan(0);
    for (const name of there) await locks.acquire(request(name));
    const begin = performance.now();
    await expect(locks.acquire(request(lost[0] ?? ""))).rejects.toMatchObject({ exitCode: 5 });
    expectWithin(performance.now() - begin, 2500);
  });
});
