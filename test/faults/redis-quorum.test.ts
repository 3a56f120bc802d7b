import { Redis } from "ioredis";
import Redlock from "redlock";
import { afterEach, describe, expect, it } from "vitest";
import type { AcquireRequest, LockDriver } from "../../src/core/lock/lock.ts";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { expectWithin } from "../support/expect-within.ts";
import { halt } from "../support/halt.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { quorumUrl, startQuorum } from "../support/redis-quorum.ts";
import { until } from "../support/until.ts";

const HOLDER = { host: "elsewhere", pid: 1, command: "test" };

function request(name: string, over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name, ttlMs: 30_000, waitMs: 0, holder: HOLDER, detached: false, ...over };
}

describe("locks on a quorum of Redis servers", () => {
  const opened: AsyncDisposable[] = [];
  let servers: RedisServer[] = [];
  let bare: Redis[] = [];

  const start = async (nodes = 3) => {
    servers = [...(await startQuorum(nodes)).servers];
    bare = servers.map(({ port }) => clientOf(port));
  };

  const clientOf = (port: number) => {
    const client = new Redis(port, "127.0.0.1", { retryStrategy: () => 50 });
    client.on("error", () => {});
    return client;
  };

  const open = async (url = quorumUrl(servers), timeoutMs = 2000): Promise<LockDriver> => {
    const locks = await openLocks({ url, timeoutMs, stateDir: "/nonexistent" });
    opened.push(locks);
    return locks;
  };

  const proxies = async () => {
    const started = await Promise.all(servers.map(({ port }) => FaultyProxy.start(port)));
    opened.push(...started);
    return started;
  };

  const kill = (node: number) => servers[node]?.stop();

  /** Again on the same port, with nothing of what it knew. */
  const restart = async (node: number) => {
    const port = servers[node]?.port;
    await kill(node);
    const again = await startRedis([], port);
    servers[node] = again;
    return again;
  };

  const keys = async (name: string) => Promise.all(bare.map((client) => client.exists(name)));

  afterEach(async () => {
    for (const client of bare) client.disconnect();
    for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
    await Promise.all(servers.map((server) => server.stop()));
  });

  it("works with one of three dead, at its usual pace", async () => {
    await start();
    await kill(2);
    const locks = await open();
    const begin = performance.now();
    for (let i = 0; i < 20; i++) {
      const hold = await locks.acquire(request("a"));
      await locks.renew("a", hold.token);
      expect((await locks.inspect("a"))?.holder).toMatchObject({ fence: hold.fence });
      await locks.release("a", hold.token);
    }
    expectWithin(performance.now() - begin, 2000);
    // And takes the third up again, so that another may die.
    await restart(2);
    await until(async () => {
      const hold = await locks.acquire(request("b"));
      const [, , third] = await keys("b");
      await locks.release("b", hold.token);
      return third === 1;
    });
    await kill(0);
    await locks.acquire(request("c"));
  });

  it("says within the timeout that two of three are dead, and which", async () => {
    await start();
    const locks = await open(quorumUrl(servers), 1000);
    const hold = await locks.acquire(request("a"));
    await kill(1);
    await kill(2);
    const unreachable = {
      code: "STORE_UNREACHABLE",
      message: expect.stringMatching(new RegExp(`1 of the 3 Redis servers.*127.0.0.1:${servers[2]?.port}`)),
    };
    const begin = performance.now();
    await expect(locks.acquire(request("b"))).rejects.toMatchObject(unreachable);
    await expect(locks.renew("a", hold.token)).rejects.toMatchObject(unreachable);
    await expect(locks.inspect("a")).rejects.toMatchObject(unreachable);
    await expect(locks.list()).rejects.toMatchObject(unreachable);
    await expect(open(quorumUrl(servers), 1000)).rejects.toMatchObject(unreachable);
    expectWithin(performance.now() - begin, 5 * 1500);
    // What was asked for in vain is nobody's.
    expect(await bare[0]?.exists("b")).toBe(0);
  });

  it("does not wait for a black hole again and again", async () => {
    await start();
    const ways = await proxies();
    const [, , hole] = ways;
    const locks = await open(quorumUrl(ways), 5000);
    await locks.release("warm", (await locks.acquire(request("warm"))).token);
    if (hole !== undefined) hole.mode = "black-hole";
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const begin = performance.now();
      const hold = await locks.acquire(request("a"));
      await expect(locks.acquire(request("a"))).rejects.toMatchObject({ code: "LOCK_HELD" });
      await locks.renew("a", hold.token);
      await locks.release("a", hold.token);
      times.push(performance.now() - begin);
    }
    expectWithin(Math.max(...times.slice(2)), 400);
    // A new process does not wait for it either.
    const begin = performance.now();
    const fresh = await open(quorumUrl(ways), 5000);
    await fresh.acquire(request("b"));
    expectWithin(performance.now() - begin, 1000);
  });

  it("never grants what may have ended, where redlock returned a lock that had", async () => {
    await start();
    const locks = await open();
    await locks.release("warm", (await locks.acquire(request("warm"))).token);
    const redlock = new Redlock(bare, { retryCount: 0 });
    const slow = async <T>(work: () => Promise<T>): Promise<T> => {
      await Promise.all(bare.map((client) => client.call("CLIENT", "PAUSE", 400, "ALL")));
      return work();
    };
    const naive = await slow(() => redlock.acquire(["naive"], 200));
    expect(naive.expiration - Date.now()).toBeLessThan(0);
    await expect(slow(() => locks.acquire(request("a", { ttlMs: 200 })))).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
    });
    const hold = await slow(() =>
      locks.acquire(request("b", { ttlMs: 200, waitMs: 10_000 })).catch(() => null),
    );
    if (hold !== null) expect(hold.deadline).toBeGreaterThan(systemClock.monotonic());
  });

  it("stops waiting for silent nodes as soon as its caller does, and leaves nothing", async () => {
    await start();
    const locks = await open(quorumUrl(servers), 20_000);
    const stopped = servers.slice(0, 2);
    await Promise.all(stopped.map(({ process }) => halt(process.pid ?? 0)));
    const stop = new AbortController();
    const waiting = locks.acquire(request("a", { ttlMs: 120_000, waitMs: 60_000, signal: stop.signal }));
    waiting.catch(() => {});
    await until(async () => (await bare[2]?.exists("a")) === 1);
    const begin = performance.now();
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expectWithin(performance.now() - begin, 1500);
    for (const { process } of stopped) process.kill("SIGCONT");
    await Promise.all(bare.map((client) => client.ping()));
    await until(async () => (await keys("a")).join("") === "000");
  });

  it("excludes redlock and is excluded by it", async () => {
    await start();
    const locks = await open();
    const redlock = new Redlock(bare, { retryCount: 0 });
    const theirs = await redlock.acquire(["a"], 30_000);
    await expect(locks.acquire(request("a"))).rejects.toMatchObject({ code: "LOCK_HELD" });
    expect((await locks.inspect("a"))?.holder).toMatchObject({ holder: null, fence: 0 });
    await theirs.release();
    await locks.acquire(request("a"));
    await expect(redlock.acquire(["a"], 30_000)).rejects.toThrow();
    // An application's key is none of ours.
    for (const client of bare.slice(1)) await client.rpush("jobs", "one");
    await expect(locks.acquire(request("jobs", { waitMs: 1000 }))).rejects.toMatchObject({
      code: "LOCK_FOREIGN",
    });
    expect((await keys("jobs")).join("")).toBe("011");
  });

  it("leaves nothing behind that a node runs later than its caller waited", async () => {
    await start();
    const locks = await open(quorumUrl(servers), 300);
    const stopped = servers.slice(0, 2);
    await Promise.all(stopped.map(({ process }) => halt(process.pid ?? 0)));
    await expect(locks.acquire(request("a"))).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    expect(await bare[2]?.exists("a")).toBe(0);
    for (const { process } of stopped) process.kill("SIGCONT");
    // Whatever it had been sent it has run by the time it answers.
    await Promise.all(bare.map((client) => client.ping()));
    await until(async () => (await keys("a")).join("") === "000");
    await until(async () => locks.acquire(request("a")).then(Boolean, () => false));
  });

  it("leaves nothing behind where the answer was lost", async () => {
    await start();
    const ways = await proxies();
    const locks = await open(quorumUrl(ways), 400);
    await locks.release("warm", (await locks.acquire(request("warm"))).token);
    for (const way of ways.slice(0, 2)) way.mode = "drop-answers";
    const failed = locks.acquire(request("a"));
    failed.catch(() => {});
    await until(async () => (await keys("a")).includes(1));
    await expect(failed).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    await until(async () => (await keys("a")).join("") === "000");
  });

  it("gives back on a node that was away when it was released, as soon as that is back", async () => {
    await start();
    const ways = await proxies();
    const locks = await open(quorumUrl(ways));
    const hold = await locks.acquire(request("a"));
    await until(async () => (await keys("a")).join("") === "111");
    const [, , third] = ways;
    if (third === undefined) throw new Error("no proxy");
    third.mode = "black-hole";
    third.cut();
    await locks.release("a", hold.token);
    await until(async () => (await keys("a")).join("") === "001");
    third.mode = "pass";
    third.cut();
    await until(async () => (await keys("a")).join("") === "000");
  });

  it("never hangs on split votes: everybody gets it, one at a time, on two nodes of three", async () => {
    await start();
    await kill(0);
    const drivers = [await open(), await open(), await open()];
    let inside = 0;
    const fences: number[] = [];
    const begin = performance.now();
    await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const locks = drivers[i % 3];
        const hold = await locks?.acquire(request("a", { waitMs: 60_000 }));
        expect(++inside).toBe(1);
        fences.push(hold?.fence ?? 0);
        inside--;
        await locks?.release("a", hold?.token ?? "");
      }),
    );
    expect(fences).toEqual([...fences].sort((a, b) => a - b));
    expectWithin(performance.now() - begin, 10_000);
  });

  it("lets one of those have it that come at once and do not wait", async () => {
    await start();
    const drivers = await Promise.all([1, 2, 3, 4].map(() => open()));
    for (let round = 0; round < 10; round++) {
      const name = `round-${round}`;
      const tries = await Promise.allSettled(drivers.map((locks) => locks.acquire(request(name))));
      expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    }
  });

  it("is handed over at once when it is released", async () => {
    await start();
    const [locks, others] = [await open(), await open()];
    const delays: number[] = [];
    for (let i = 0; i < 10; i++) {
      const hold = await locks.acquire(request("a", { waitMs: 5000 }));
      const waiting = others.acquire(request("a", { waitMs: 60_000 }));
      await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
      const begin = performance.now();
      await locks.release("a", hold.token);
      const next = await waiting;
      delays.push(performance.now() - begin);
      await others.release("a", next.token);
    }
    expectWithin(delays.sort((a, b) => a - b)[5] ?? 0, 50);
  });

  it("hears of a release also after its connections for messages were cut", async () => {
    await start();
    const [locks, others] = [await open(), await open()];
    const hold = await locks.acquire(request("a"));
    const waiting = others.acquire(request("a", { waitMs: 60_000 }));
    await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
    const listeners = async () =>
      Promise.all(bare.map(async (client) => (await client.pubsub("NUMSUB", "dcs:lock:{a}:wake"))[1]));
    await until(async () => (await listeners()).every((number) => Number(number) === 1));
    for (const client of bare) await client.call("CLIENT", "KILL", "TYPE", "pubsub");
    await until(async () => (await listeners()).every((number) => Number(number) === 1));
    const begin = performance.now();
    await locks.release("a", hold.token);
    await waiting;
    expectWithin(performance.now() - begin, 1000);
  });

  it("teaches a hold to a node that forgot it, when it is renewed", async () => {
    await start();
    const locks = await open();
    const hold = await locks.acquire(request("a"));
    await restart(2);
    await until(async () => {
      await locks.renew("a", hold.token);
      return (await keys("a")).join("") === "111";
    });
    expect(await bare[2]?.get("a")).toBe(hold.token);
    expect(await bare[2]?.hget("dcs:lock:{a}:state", "fence")).toBe(String(hold.fence));
  });

  describe("when a node forgets", () => {
    it("does not let another have the lock meanwhile, and says which nodes are young and until when", async () => {
      await start();
      const url = quorumUrl(servers, 0, "max-ttl=2s");
      const locks = await open(url);
      const ask = request("a", { ttlMs: 2000 });
      await expect(locks.acquire(ask)).rejects.toMatchObject({
        code: "NODES_YOUNG",
        exitCode: 5,
        hint: expect.stringContaining("young=count"),
        details: {
          maxTtlMs: 2000,
          young: servers.map(({ port }) => expect.objectContaining({ node: `127.0.0.1:${port}` })),
        },
      });
      expect((await keys("a")).join("")).toBe("000");
      await until(
        async () => locks.acquire(request("warm", { ttlMs: 100 })).then(Boolean, () => false),
        20_000,
        50,
      );
      await kill(2);
      const hold = await locks.acquire(ask);
      await restart(0);
      await restart(2);
      const others = await open(url);
      await expect(others.acquire(ask)).rejects.toMatchObject({ code: "NODES_YOUNG" });
      let next = null;
      await until(async () => {
        next = await others.acquire(ask).catch(() => null);
        return next !== null;
      }, 20_000);
      expect(systemClock.monotonic()).toBeGreaterThan(hold.deadline);
      expect(next).toMatchObject({ name: "a" });
      await expect(locks.acquire(request("b", { ttlMs: 2001 }))).rejects.toMatchObject({
        code: "TTL_INVALID",
      });
    });

    it("would let two have it if young nodes counted", async () => {
      await start();
      const locks = await open();
      await kill(2);
      const hold = await locks.acquire(request("a", { ttlMs: 5000 }));
      await restart(0);
      await restart(2);
      const others = await open();
      await others.acquire(request("a"));
      expect(systemClock.monotonic()).toBeLessThan(hold.deadline);
    });
  });
});
