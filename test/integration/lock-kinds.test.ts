import { spawn } from "node:child_process";
import { Redis } from "ioredis";
import Redlock from "redlock";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { AcquireRequest, LockDriver, LockMode } from "../../src/core/lock/lock.ts";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { runProcess } from "../support/cli.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { sharedEtcd } from "../support/shared-etcd.ts";
import { until } from "../support/until.ts";

const HOLDER = { host: "here", pid: 1, command: "test" };
const SHARED: LockMode = { type: "shared" };
const TWO: LockMode = { type: "slots", slots: 2 };
const opened: LockDriver[] = [];

async function open(url: string): Promise<LockDriver> {
  const locks = await openLocks({ url, timeoutMs: 5000, stateDir: "/nonexistent" });
  opened.push(locks);
  return locks;
}

function ask(name: string, over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name, ttlMs: 30_000, waitMs: 0, holder: HOLDER, detached: false, ...over };
}

afterEach(async () => {
  for (const locks of opened.splice(0)) await locks.close();
});

describe("locks that several hold, beside etcd's own tools", () => {
  const etcd = sharedEtcd();
  const where = () => `127.0.0.1:${etcd.server.port}`;
  const etcdctl = async (...args: readonly string[]) => {
    const env = { PATH: process.env["PATH"] ?? "", ETCDCTL_API: "3" };
    const { stdout } = await runProcess(["etcdctl", "--endpoints", where(), ...args], { env, cwd: "/" });
    return stdout.trim();
  };
  const places = async (name: string) =>
    (await etcdctl("get", "--prefix", "--keys-only", `${name}/`)).split(/\s+/);

  it.each([
    ["readers", SHARED],
    ["slots", TWO],
  ])("etcdctl lock waits behind all %s, and they behind it", async (name, mode) => {
    const locks = await open(`etcd://${where()}`);
    const first = await locks.acquire(ask(name, { mode }));
    const second = await locks.acquire(ask(name, { mode }));
    const theirs = spawn("etcdctl", ["--endpoints", where(), "lock", name], {
      env: { ...process.env, ETCDCTL_API: "3" },
      stdio: ["ignore", "pipe", "ignore"],
    });
    let said = "";
    theirs.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      said += chunk;
    });
    try {
      await until(async () => (await places(name)).length === 3);
      const later = locks.acquire(ask(name, { mode, waitMs: 20_000 }));
      await until(async () => (await places(name)).length === 4);
      await locks.release(name, second.token);
      await until(async () => (await places(name)).length === 3);
      expect(said).toBe("");
      await locks.release(name, first.token);
      await until(() => said !== "");
      const [holder, ...more] = (await locks.inspect(name))?.holders ?? [];
      expect([holder, more]).toMatchObject([{ holder: null, mode: { type: "exclusive" } }, []]);
      // It counts as exclusive, which slots do not go with.
      const code = mode.type === "slots" ? "LOCK_MODE_MIXED" : "LOCK_HELD";
      await expect(locks.acquire(ask(name, { mode }))).rejects.toMatchObject({ code });
      theirs.kill("SIGINT");
      expect((await later).mode).toEqual(mode);
    } finally {
      theirs.kill("SIGKILL");
    }
  });

  it("a place with any other value counts as exclusive", async () => {
    const locks = await open(`etcd://${where()}`);
    const [, lease = ""] = /lease (\w+) granted/.exec(await etcdctl("lease", "grant", "60")) ?? [];
    await etcdctl("put", `--lease=${lease}`, `leader/${lease}`, "dcs:slots=x");
    await expect(locks.acquire(ask("leader", { mode: SHARED }))).rejects.toMatchObject({ code: "LOCK_HELD" });
    await expect(locks.acquire(ask("leader", { mode: TWO }))).rejects.toMatchObject({
      code: "LOCK_MODE_MIXED",
      details: { held: { mode: "exclusive" } },
    });
  });
});

describe("locks that several hold, on Redis", () => {
  let server: RedisServer;
  let bare: Redis;

  beforeAll(async () => {
    server = await startRedis();
    bare = new Redis(server.port, "127.0.0.1");
  });

  afterAll(async () => {
    bare.disconnect();
    await server.stop();
  });

  it.each([SHARED, TWO])("keep SET NX and redlock out, as long as the longest of them: %j", async (mode) => {
    const name = `out-${mode.type}`;
    const locks = await open(server.url);
    const redlock = new Redlock([bare], { retryCount: 0 });
    const long = await locks.acquire(ask(name, { mode, ttlMs: 60_000 }));
    const short = await locks.acquire(ask(name, { mode, ttlMs: 10_000 }));
    expect(await bare.set(name, "theirs", "PX", 1000, "NX")).toBeNull();
    await expect(redlock.acquire([name], 1000)).rejects.toThrow();
    expect(await bare.pttl(name)).toBeGreaterThan(50_000);
    await locks.release(name, long.token);
    const left = await bare.pttl(name);
    expect(left).toBeGreaterThan(5000);
    expect(left).toBeLessThanOrEqual(10_000);
    await locks.renew(name, short.token);
    await locks.release(name, short.token);
    await (await redlock.acquire([name], 1000)).release();
    // What is left of the name is its fence.
    expect((await bare.keys(`dcs:lock:{${name}}:*`)).sort()).toEqual([`dcs:lock:{${name}}:state`]);
  });

  it("do not take what stands in their key for a token", async () => {
    const locks = await open(server.url);
    const hold = await locks.acquire(ask("marker", { mode: SHARED }));
    for (const token of ["dcs:shared", "dcs:shared-shared"]) {
      const refused = { code: "LOCK_NOT_OWNED" };
      await expect(locks.release("marker", token)).rejects.toMatchObject(refused);
      await expect(locks.renew("marker", token)).rejects.toMatchObject(refused);
      await expect(locks.acquire(ask("marker", { token }))).rejects.toMatchObject(refused);
    }
    await locks.release("marker", hold.token);
  });

  it("a lock of another tool counts as exclusive, also one without a value", async () => {
    const locks = await open(server.url);
    for (const value of ["theirs", ""]) {
      await bare.set("foreign", value, "PX", 60_000);
      await expect(locks.acquire(ask("foreign", { mode: SHARED }))).rejects.toMatchObject({
        code: "LOCK_HELD",
      });
      await expect(locks.acquire(ask("foreign", { mode: TWO }))).rejects.toMatchObject({
        code: "LOCK_MODE_MIXED",
      });
      expect(await bare.get("foreign")).toBe(value);
    }
  });

  it.each([
    ["deleted", () => bare.del("lost")],
    ["given to another tool", () => bare.set("lost", "theirs", "PX", 300)],
  ])("are gone for all when their key was %s, and do not come back with it", async (_what, take) => {
    const locks = await open(server.url);
    const holds = [
      await locks.acquire(ask("lost", { mode: SHARED })),
      await locks.acquire(ask("lost", { mode: SHARED })),
    ];
    const { signal } = new AbortController();
    const told = holds.map((hold) => locks.gone("lost", hold.token, signal));
    await take();
    const next = await locks.acquire(ask("lost", { mode: SHARED, waitMs: 5000 }));
    await Promise.all(told);
    for (const hold of holds) {
      const { token } = hold;
      await expect(locks.renew("lost", token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
      await expect(locks.release("lost", token)).rejects.toMatchObject({ code: "LOCK_NOT_OWNED" });
    }
    expect((await locks.inspect("lost"))?.holders.map(({ lease }) => lease)).toEqual([next.lease]);
    await locks.release("lost", next.token);
  });

  it("without fairness, are taken past those who wait; with it, past those who died waiting", async () => {
    const locks = await open(server.url);
    const record = "{}";
    const wait = async (name: string, deadline: number) => {
      await bare.zadd(`dcs:lock:{${name}}:queue`, 1, "somebody");
      await bare.hset(`dcs:lock:{${name}}:places`, "somebody", `${deadline} 0 exclusive ${record}`);
    };
    for (const mode of [SHARED, { type: "exclusive" }] as const) {
      const name = `past-${mode.type}`;
      await wait(name, Date.now() + 60_000);
      await expect(locks.acquire(ask(name, { mode }))).rejects.toMatchObject({ code: "LOCK_HELD" });
      const hold = await locks.acquire(ask(name, { mode, fair: false }));
      expect((await locks.inspect(name))?.waiters).toHaveLength(1);
      await locks.release(name, hold.token);
      await wait(name, Date.now() - 1);
      await locks.release(name, (await locks.acquire(ask(name, { mode }))).token);
    }
  });

  it("keeps what it knows of a hold that is renewed for longer than it keeps what nobody uses", async () => {
    const locks = await open(server.url);
    const hold = await locks.acquire(ask("long"));
    await bare.hset("dcs:lock:{long}:state", "until", 1);
    await bare.pexpire("dcs:lock:{long}:state", 5000);
    await locks.renew("long", hold.token);
    expect(await bare.pttl("dcs:lock:{long}:state")).toBeGreaterThan(604_800_000);
    await locks.release("long", hold.token);
    await bare.hset("dcs:lock:{long}:state", "until", 1);
    await bare.pexpire("dcs:lock:{long}:state", 5000);
    await locks.acquire(ask("long"));
    expect(await bare.pttl("dcs:lock:{long}:state")).toBeGreaterThan(604_800_000);
  });
});
