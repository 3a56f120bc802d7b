import { createHash } from "node:crypto";
import Redlock from "redlock";
import { describe, expect, it } from "vitest";
import { SCRIPTS } from "../../src/core/lock/redis/quorum/scripts.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { expectWithin } from "../support/expect-within.ts";
import { halt } from "../support/halt.ts";
import { quorumUrl } from "../support/redis-quorum.ts";
import { until } from "../support/until.ts";
import { quorumPerTest, request } from "./kit/quorum.ts";

describe("locks on a quorum of Redis servers", () => {
  const { servers, bare, start, open, proxies, kill, restart, keys } = quorumPerTest();

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

  it("names the dead alone when nobody is a majority: one that is slow to answer is not among them", async () => {
    await start();
    const ways = await proxies();
    const [first, second, third] = ways;
    await kill(1);
    await kill(2);
    if (first !== undefined) first.pace = { ...first.pace, delayMs: 200 };
    const begin = performance.now();
    await expect(open(quorumUrl(ways), 5000)).rejects.toMatchObject({
      code: "STORE_UNREACHABLE",
      message: expect.stringMatching(
        new RegExp(`1 of the 3 Redis servers.*; 127.0.0.1:${second?.port}: .*127.0.0.1:${third?.port}: `),
      ),
    });
    // As soon as it has answered, not when the time is over.
    expectWithin(performance.now() - begin, 4000);
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

  it("leaves nothing where a node that does not know the scripts yet wakes up after all others", async () => {
    await start();
    const locks = await open(quorumUrl(servers), 20_000);
    const [early, late] = servers;
    if (early === undefined || late === undefined) throw new Error("no servers");
    for (const { process } of [early, late]) await halt(process.pid ?? 0);
    const stop = new AbortController();
    const waiting = locks.acquire(request("a", { ttlMs: 120_000, waitMs: 60_000, signal: stop.signal }));
    waiting.catch(() => {});
    await until(async () => (await bare[2]?.exists("a")) === 1);
    stop.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    early.process.kill("SIGCONT");
    const digest = createHash("sha1").update(SCRIPTS.claim).digest("hex");
    const learns = (node: number) =>
      until(async () => String(await bare[node]?.script("EXISTS", digest)) === "1");
    await learns(0);
    // Whoever claimed all the same would have a majority now, that comes to nothing, and would give it back.
    const given = async () => /cmdstat_del:/.test((await bare[0]?.info("commandstats")) ?? "");
    await until(given, 1000).catch(() => {});
    late.process.kill("SIGCONT");
    // The second answer comes after all that was sent because of what came before the first.
    for (let i = 0; i < 2; i++) await locks.inspect("a");
    expect(await keys("a")).toEqual([0, 0, 0]);
    await learns(1);
    expect(await keys("a")).toEqual([0, 0, 0]);
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
    const locks = await open(quorumUrl(servers), 1000);
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
    const locks = await open(quorumUrl(ways), 1500);
    // Nothing was released yet: that a server does not know the script for it is an answer that is lost as well.
    await locks.acquire(request("warm"));
    await until(async () => (await keys("warm")).join("") === "111");
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
    // A node that was too slow to be counted is taught by a renewal.
    await until(async () => {
      await locks.renew("a", hold.token);
      return (await keys("a")).join("") === "111";
    });
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
});
