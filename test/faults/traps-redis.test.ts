import { Redis } from "ioredis";
import Redlock from "redlock";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AcquireRequest, LockDriver } from "../../src/core/lock/lock.ts";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { SCRIPTS } from "../../src/core/lock/redis/redis-scripts.ts";
import { expectWithin } from "../support/expect-within.ts";
import { freePort } from "../support/free-port.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { until } from "../support/until.ts";

/** What ioredis and redlock do when left to themselves, and that dcs does not. */

const HOLDER = { host: "elsewhere", pid: 1, command: "test" };

function request(over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name: "a", ttlMs: 30_000, waitMs: 0, holder: HOLDER, detached: false, ...over };
}

let server: RedisServer;
let proxy: FaultyProxy;
let bare: Redis;
const opened: { disconnect(): void }[] = [];

interface NaiveOptions {
  readonly port?: number;
  readonly commandTimeout?: number;
  readonly maxRetriesPerRequest?: null;
}

/** ioredis as it comes, over the proxy unless told otherwise. */
function naive({ port = proxy.port, ...options }: NaiveOptions = {}): Redis {
  const client = new Redis(port, "127.0.0.1", { retryStrategy: () => 50, ...options });
  client.on("error", () => {});
  opened.push(client);
  return client;
}

async function dcs(timeoutMs = 2000): Promise<LockDriver> {
  const locks = await openLocks({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs, stateDir: "/nowhere" });
  opened.push({ disconnect: () => void locks.close() });
  // The scripts are known to the server from here on.
  await locks.release("warm", (await locks.acquire(request({ name: "warm" }))).token);
  return locks;
}

const there = (key = "a") => until(async () => (await bare.exists(key)) === 1);
const goneSoon = (key = "a") => until(async () => (await bare.exists(key)) === 0);

beforeEach(async () => {
  server = await startRedis();
  proxy = await FaultyProxy.start(server.port);
  bare = new Redis(server.port, "127.0.0.1", { retryStrategy: () => null });
  bare.on("error", () => {});
});

afterEach(async () => {
  for (const each of opened.splice(0)) each.disconnect();
  bare.disconnect();
  await proxy[Symbol.asyncDispose]();
  await server.stop();
});

/** Loses the answer to what is asked, and the connection with it, once the server has done it. */
async function losingTheAnswer<T>(work: () => Promise<T>): Promise<PromiseSettledResult<T>> {
  proxy.mode = "drop-answers";
  const settled = Promise.allSettled([work()]);
  await there();
  proxy.mode = "pass";
  proxy.cut();
  const [result] = await settled;
  return result;
}

describe("an answer lost with its connection", () => {
  it("ioredis sends SET NX again, and says no to the one who holds", async () => {
    const client = naive();
    await client.ping();
    const said = await losingTheAnswer(() => client.set("a", "mine", "PX", 30_000, "NX"));
    expect(said).toEqual({ status: "fulfilled", value: null });
    expect(await bare.get("a")).toBe("mine");
  });

  it("dcs holds the lock, or nothing", async () => {
    const locks = await dcs();
    const said = await losingTheAnswer(() => locks.acquire(request()));
    if (said.status === "fulfilled") expect(await bare.get("a")).toBe(said.value.token);
    else await goneSoon();
  });
});

it("dcs gives up what it was not told of, also on a server that does not know its scripts yet", async () => {
  const url = `redis://127.0.0.1:${proxy.port}`;
  const locks = await openLocks({ url, timeoutMs: 1500, stateDir: "/nowhere" });
  opened.push({ disconnect: () => void locks.close() });
  await bare.script("LOAD", SCRIPTS.acquire);
  proxy.mode = "drop-answers";
  const failed = locks.acquire(request());
  failed.catch(() => {});
  await there();
  await expect(failed).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
  // An answer of NOSCRIPT would be lost too, so it must not need one.
  await goneSoon();
});

describe("a call that timed out before there was a connection", () => {
  it("ioredis makes it later, for nobody", async () => {
    const port = await freePort();
    const client = naive({ port, commandTimeout: 200, maxRetriesPerRequest: null });
    await expect(client.set("a", "mine", "PX", 30_000, "NX")).rejects.toThrow(/timed out/);
    const late = await startRedis([], port);
    try {
      await until(async () => (await client.get("a").catch(() => null)) === "mine");
    } finally {
      client.disconnect();
      await late.stop();
    }
  });

  it("dcs does not", async () => {
    const locks = await dcs(1000);
    proxy.mode = "black-hole";
    proxy.cut();
    await expect(locks.acquire(request())).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    proxy.mode = "pass";
    proxy.cut();
    // Connected again, it has nothing left to send.
    await until(() =>
      locks.inspect("a").then(
        (state) => state === null,
        () => false,
      ),
    );
    expect(await bare.exists("a")).toBe(0);
  });
});

describe("a call under way when the server fell silent", () => {
  it("ioredis without a timeout waits for as long as the connection stands", async () => {
    const client = naive();
    await client.ping();
    proxy.mode = "black-hole";
    const call = client.get("a").then(() => "settled");
    const timer = new Promise((resolve) => setTimeout(resolve, 500, "pending"));
    expect(await Promise.race([call, timer])).toBe("pending");
    proxy.mode = "pass";
    proxy.cut();
    await call;
  });

  it("dcs settles it within the timeout, and works on over a new connection", async () => {
    const locks = await dcs(1000);
    proxy.mode = "black-hole";
    const started = performance.now();
    await expect(locks.acquire(request())).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
    expectWithin(performance.now() - started, 1900);
    proxy.mode = "pass";
    proxy.cut();
    await until(() =>
      locks.acquire(request()).then(
        () => true,
        () => false,
      ),
    );
  });
});

describe("an answer that comes after the TTL", () => {
  /** Long enough for a busy machine to see the key while it is there. */
  const TTL_MS = 1500;

  /** Answers `work` only when its key is gone again. */
  async function answeringTooLate<T>(work: () => Promise<T>): Promise<T> {
    proxy.mode = "late";
    const result = work();
    result.catch(() => {});
    await there();
    await until(async () => (await bare.exists("a")) === 0);
    proxy.deliver();
    return result;
  }

  it("redlock gives a lock that has ended", async () => {
    const client = naive();
    await client.ping();
    const redlock = new Redlock([client], { retryCount: 0 });
    // Known to the server, so that it is one question.
    await (await redlock.acquire(["warm"], 1000)).release();
    const lock = await answeringTooLate(() => redlock.acquire(["a"], TTL_MS));
    expect(lock.expiration).toBeLessThan(Date.now());
  });

  it("dcs gives none", async () => {
    const locks = await dcs();
    await expect(answeringTooLate(() => locks.acquire(request({ ttlMs: TTL_MS })))).rejects.toMatchObject({
      code: "LOCK_LOST",
    });
    expect(await bare.exists("a")).toBe(0);
  });
});
