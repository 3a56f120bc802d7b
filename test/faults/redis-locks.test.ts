import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AcquireRequest, LockDriver } from "../../src/core/lock/lock.ts";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { expectWithin } from "../support/expect-within.ts";
import { halt } from "../support/halt.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";

const HOLDER = { host: "elsewhere", pid: 1, command: "test" };

function request(name: string, over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name, ttlMs: 30_000, waitMs: 0, holder: HOLDER, detached: false, ...over };
}

describe("locks on Redis", () => {
  let server: RedisServer;
  let bare: Redis;
  const opened: AsyncDisposable[] = [];
  const servers: RedisServer[] = [];

  const open = async (url: string, timeoutMs = 2000): Promise<LockDriver> => {
    const locks = await openLocks({ url, timeoutMs, stateDir: "/nonexistent" });
    opened.push(locks);
    return locks;
  };

  const start = async (args: readonly string[] = [], port?: number) => {
    const started = await startRedis(args, port);
    servers.push(started);
    return started;
  };

  beforeEach(async () => {
    server = await start();
    bare = new Redis(server.port, "127.0.0.1", { retryStrategy: () => null });
    bare.on("error", () => {});
  });

  afterEach(async () => {
    bare.disconnect();
    for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
    for (const each of servers.splice(0)) await each.stop();
  });

  describe("beside other tools", () => {
    it("excludes a plain SET NX PX and is excluded by it", async () => {
      const locks = await open(server.url);
      const hold = await locks.acquire(request("a"));
      expect(await bare.set("a", "theirs", "PX", 1000, "NX")).toBeNull();
      expect(await bare.get("a")).toBe(hold.token);
      expect(await bare.pttl("a")).toBeGreaterThan(20_000);
      await locks.release("a", hold.token);
      expect(await bare.set("a", "theirs", "PX", 60_000, "NX")).toBe("OK");
      await expect(locks.acquire(request("a"))).rejects.toMatchObject({ code: "LOCK_HELD" });
      expect((await locks.inspect("a"))?.holder).toMatchObject({ holder: null, fence: 0 });
      await expect(locks.release("a", hold.token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
      expect(await bare.get("a")).toBe("theirs");
    });

    it("takes over when the other tool's lock ends, by its TTL", async () => {
      const locks = await open(server.url);
      const started = performance.now();
      await bare.set("a", "theirs", "PX", 300, "NX");
      await locks.acquire(request("a", { waitMs: 5000 }));
      expect(performance.now() - started).toBeGreaterThanOrEqual(280);
      expectWithin(performance.now() - started, 1000);
    });

    it("never touches a key that is not a lock", async () => {
      await bare.rpush("jobs", "one");
      const locks = await open(server.url);
      await expect(locks.acquire(request("jobs", { waitMs: 1000 }))).rejects.toMatchObject({
        code: "LOCK_FOREIGN",
      });
      await expect(locks.release("jobs", "x")).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
      expect(await bare.lrange("jobs", 0, -1)).toEqual(["one"]);
    });
  });

  describe("when answers are lost", () => {
    it("holds nothing after an acquire whose answer was lost and that gave up", async () => {
      await using proxy = await FaultyProxy.start(server.port);
      const locks = await open(`redis://127.0.0.1:${proxy.port}`, 1500);
      // The scripts are known to the server from here on.
      await locks.release("warm", (await locks.acquire(request("warm"))).token);
      proxy.mode = "drop-answers";
      const failed = locks.acquire(request("a"));
      await until(async () => (await bare.exists("a")) === 1);
      await expect(failed).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
      // The settlement (delete if mine) went out too: the server ran it though its answer was lost.
      await until(async () => (await bare.exists("a")) === 0);
    });

    it("does not take the lock later on behalf of a caller that gave up", async () => {
      await using proxy = await FaultyProxy.start(server.port);
      const locks = await open(`redis://127.0.0.1:${proxy.port}`, 1500);
      proxy.mode = "black-hole";
      await expect(locks.acquire(request("a"))).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
      proxy.cut();
      proxy.mode = "pass";
      await until(async () => {
        try {
          return (await locks.inspect("a")) === null;
        } catch {
          return false;
        }
      });
      expect(await bare.exists("a")).toBe(0);
      await locks.acquire(request("a"));
    });

    it("does not take it later either on a server that slept, and does not know the scripts yet", async () => {
      const locks = await open(server.url, 1000);
      await halt(server.process.pid ?? 0);
      await expect(locks.acquire(request("a"))).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
      server.process.kill("SIGCONT");
      // The second answer comes after all that was sent because of what came before the first.
      for (let i = 0; i < 2; i++) expect(await locks.inspect("a")).toBeNull();
      expect(await bare.exists("a")).toBe(0);
    });

    it("goes on with the same connection after it was cut", async () => {
      await using proxy = await FaultyProxy.start(server.port);
      const locks = await open(`redis://127.0.0.1:${proxy.port}`);
      const hold = await locks.acquire(request("a"));
      proxy.cut();
      await until(async () =>
        locks.renew("a", hold.token).then(
          () => true,
          () => false,
        ),
      );
      await locks.release("a", hold.token);
    });
  });

  describe("when the server cannot be used, says so within the timeout", () => {
    const refusal = async (url: string, timeoutMs = 500) => {
      const started = performance.now();
      const error = await open(url, timeoutMs)
        .then((locks) => locks.acquire(request("a")))
        .then(
          () => null,
          (thrown: unknown) => thrown,
        );
      expectWithin(performance.now() - started, timeoutMs + 700);
      return error;
    };

    it("a wrong password, which is not shown", async () => {
      const secured = await start(["--requirepass", "right"]);
      const error = await refusal(`redis://:wrong-one@127.0.0.1:${secured.port}`);
      expect(error).toMatchObject({ code: "PERMISSION_DENIED" });
      expect(JSON.stringify(error) + String(error)).not.toContain("wrong-one");
      const locks = await open(`redis://:right@127.0.0.1:${secured.port}`);
      await locks.acquire(request("a"));
    });

    it("a user without the right to the keys", async () => {
      await bare.call("ACL", "SETUSER", "weak", "on", ">pw", "~other:*", "&*", "+@all");
      expect(await refusal(`redis://weak:pw@127.0.0.1:${server.port}`)).toMatchObject({
        code: "PERMISSION_DENIED",
      });
    });
  });

  it("tells a holder that its key was deleted, at the latest after a sixth of the TTL", async () => {
    const locks = await open(server.url);
    const hold = await locks.acquire(request("a", { ttlMs: 3000 }));
    const told = locks.gone("a", hold.token, new AbortController().signal);
    await bare.del("a");
    const deleted = performance.now();
    await told;
    expectWithin(performance.now() - deleted, 700);
  });

  it("gives rising fences also when the counter was lost", async () => {
    const locks = await open(server.url);
    const first = await locks.acquire(request("a"));
    await locks.release("a", first.token);
    await bare.flushall();
    const second = await locks.acquire(request("a"));
    expect(second.grant).toBeGreaterThan(first.grant);
  });

  it("skips waiters that died", async () => {
    const locks = await open(server.url);
    const hold = await locks.acquire(request("a"));
    const dying = await openLocks({ url: server.url, timeoutMs: 2000, stateDir: "/nonexistent" });
    const abandoned = dying.acquire(request("a", { waitMs: 60_000 }));
    abandoned.catch(() => {});
    await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
    // As if its process had been killed: nothing more is heard of it.
    await dying.close();
    const [first] = await bare.hkeys("dcs:lock:{a}:places");
    await bare.hset("dcs:lock:{a}:places", first ?? "", "1 0 exclusive {}");
    const next = locks.acquire(request("a", { waitMs: 10_000 }));
    await locks.release("a", hold.token);
    expect((await next).grant).toBeGreaterThan(hold.grant);
  });

  it("works after the server restarted and forgot its scripts", async () => {
    const locks = await open(server.url);
    const hold = await locks.acquire(request("a"));
    await bare.script("FLUSH");
    await locks.release("a", hold.token);
    const { port } = server;
    await server.stop();
    servers.splice(servers.indexOf(server), 1);
    await start([], port);
    await until(async () =>
      locks.acquire(request("a")).then(
        () => true,
        () => false,
      ),
    );
  });
});
