import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BenchPlan, LockPlaces } from "../../../src/core/bench/bench-plan.ts";
import type { Driver } from "../../../src/core/bench/drive/driver.ts";
import type { LockDriver } from "../../../src/core/lock/lock.ts";
import { openLocks } from "../../../src/core/lock/open-locks.ts";
import { currentHolder } from "../../../src/core/process/identity.ts";
import { benchPlan, drive, openPlan, refusalOf, saidAroundClose } from "../../support/bench-drive.ts";
import { endsByItself } from "../../support/bench-process.ts";
import { EtcdServer } from "../../support/etcd.ts";
import { freePort } from "../../support/free-port.ts";
import { type RedisServer, startRedis } from "../../support/redis.ts";
import { type Sandbox, sandbox } from "../../support/start-dcs.ts";
import { until } from "../../support/until.ts";

let redis: RedisServer;
let etcd: EtcdServer;
let box: Sandbox;

beforeAll(async () => {
  box = sandbox();
  [redis, etcd] = await Promise.all([startRedis(), EtcdServer.start()]);
});

afterAll(async () => {
  await Promise.all([redis?.stop(), etcd?.stop()]);
  box?.[Symbol.dispose]();
});

function placesAt(locks: string, more: Partial<LockPlaces> = {}): LockPlaces {
  return { locks, timeoutMs: 5000, stateDir: box.dir, ttlMs: 10_000, ...more };
}

function lockPlan(name: string, places: LockPlaces, more: Partial<BenchPlan> = {}): BenchPlan {
  return benchPlan(`lock:${name}`, { places, ...more });
}

const ask = { ttlMs: 10_000, waitMs: 0, holder: currentHolder("a test"), detached: false };

describe.each(["redis", "etcd", "embedded"] as const)("locks on %s, driven", (backend) => {
  let places: LockPlaces;
  let locks: LockDriver;

  beforeAll(async () => {
    const url = { redis: redis.url, etcd: etcd.url, embedded: "embedded:" }[backend];
    places = placesAt(url);
    const { timeoutMs, stateDir } = places;
    locks = await openLocks({ url, timeoutMs, stateDir });
  });

  afterAll(() => locks?.close());

  async function fenceOf(name: string): Promise<number> {
    const { fence, token } = await locks.acquire({ ...ask, name });
    await locks.release(name, token);
    return fence ?? 0;
  }

  it("are taken and given back by one after the other", async () => {
    const before = await fenceOf("hot");
    const driver = await openPlan(lockPlan("hot", places));
    const { counts, errors } = await drive(driver, { requests: 100 });
    await driver.close();
    expect([counts, errors]).toEqual([
      { sent: 100, ok: 100, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 },
      {},
    ]);
    // Each of them had a fence of its own.
    expect((await fenceOf("hot")) - before).toBeGreaterThan(100);
    expect(await locks.list()).toEqual([]);
  });

  it("are others for each request where the name has {n}", async () => {
    const driver = await openPlan(lockPlan("cold/{n}", places));
    const { counts } = await drive(driver, { requests: 100 });
    await driver.close();
    expect(counts.ok).toBe(100);
    expect(await locks.list()).toEqual([]);
    if (backend !== "redis") return;
    // What Redis keeps of each lock, for its fence.
    const admin = new Redis(redis.port, "127.0.0.1", { replyMapping: "legacy" });
    expect(await admin.keys("*cold/*")).toHaveLength(100);
    admin.disconnect();
  });

  it("are waited for until the request's time is over, and nobody is left in the queue", async () => {
    const hold = await locks.acquire({ ...ask, name: "taken" });
    const driver = await openPlan(lockPlan("taken", places));
    const { counts, errors } = await drive(driver, { requests: 8, timeoutMs: 150 });
    await driver.close();
    expect(counts).toMatchObject({ sent: 8, ok: 0, timeouts: 8, errors: 0 });
    expect(errors).toEqual({ timeout: 8 });
    expect((await locks.inspect("taken"))?.waiters).toEqual([]);
    await locks.release("taken", hold.token);
    expect(await locks.inspect("taken")).toBeNull();
  });

  it("are all given back when the run is stopped in the middle", async () => {
    const driver = await openPlan(lockPlan("cut", places));
    let sent = 0;
    const counted: Driver = {
      send(call) {
        sent++;
        driver.send(call);
      },
      close: () => driver.close(),
    };
    const { counts } = await drive(counted, { during: () => until(() => sent > 50) });
    await driver.close();
    expect(counts.unfinished).toBeGreaterThan(0);
    expect(await locks.inspect("cut")).toBeNull();
  });

  it("are not spoken of once the driver is closed", async () => {
    const hold = await locks.acquire({ ...ask, name: "mute" });
    const waits = () => until(async () => (await locks.inspect("mute"))?.waiters.length === 1);
    expect(await saidAroundClose(await openPlan(lockPlan("mute", places)), waits)).toEqual(["began"]);
    await locks.release("mute", hold.token);
    expect(await locks.inspect("mute")).toBeNull();
  });

  it("leave nothing behind", async () => {
    expect(await endsByItself(lockPlan("end", places))).toBeLessThan(2000);
    expect(await locks.inspect("end")).toBeNull();
  });
});

describe("locks, driven,", () => {
  it("fail by the codes of their errors when their server is killed", async () => {
    const server = await startRedis();
    const driver = await openPlan(lockPlan("x{n}", placesAt(server.url, { timeoutMs: 200 })));
    const { counts, errors, examples } = await drive(driver, {
      async during() {
        await new Promise((resolve) => setTimeout(resolve, 100));
        await server.stop();
        await new Promise((resolve) => setTimeout(resolve, 500));
      },
    });
    await driver.close();
    expect(counts.ok).toBeGreaterThan(0);
    expect(Object.keys(errors)).toEqual(["STORE_UNREACHABLE"]);
    expect(examples["STORE_UNREACHABLE"]).toContain("Redis at");
  });

  it("say at once why they cannot be used", async () => {
    const nobody = placesAt(`redis://127.0.0.1:${await freePort()}`);
    expect(await refusalOf(lockPlan("a", nobody))).toMatchObject({ code: "STORE_UNREACHABLE", exitCode: 5 });
    const far = placesAt(`etcd://127.0.0.1:${await freePort()}`);
    expect(await refusalOf(lockPlan("a", far))).toMatchObject({ code: "STORE_UNREACHABLE", exitCode: 5 });
    expect(await refusalOf(lockPlan("a//{n}", nobody))).toMatchObject({ code: "NAME_INVALID", exitCode: 2 });
  });
});
