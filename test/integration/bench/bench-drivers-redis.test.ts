import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BenchPlan } from "../../../src/core/bench/bench-plan.ts";
import { benchPlan, drive, openPlan, refusalOf, saidAroundClose } from "../../support/bench-drive.ts";
import { endsByItself } from "../../support/bench-process.ts";
import { freePort } from "../../support/free-port.ts";
import { halt } from "../../support/halt.ts";
import { type RedisServer, startRedis } from "../../support/redis.ts";
import { until } from "../../support/until.ts";

function redisPlan(url: string, text: string | null, more: Partial<BenchPlan> = {}): BenchPlan {
  return benchPlan(url, { operation: text === null ? null : { text }, ...more });
}

describe("Redis, driven", () => {
  let server: RedisServer;
  let admin: Redis;
  const started: RedisServer[] = [];

  async function start(args: readonly string[] = [], port?: number): Promise<RedisServer> {
    const made = await startRedis(args, port);
    started.push(made);
    return made;
  }

  beforeEach(async () => {
    server = await start();
    admin = new Redis(server.port, "127.0.0.1", { replyMapping: "legacy" });
    admin.on("error", () => {});
  });

  afterEach(async () => {
    admin.disconnect();
    await Promise.all(started.splice(0).map((each) => each.stop()));
  });

  async function callsOf(command: string): Promise<number> {
    const stats = await admin.info("commandstats");
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }

  /** Without our own. */
  async function clients(): Promise<number> {
    return (await admin.info("clients")).match(/connected_clients:(\d+)/)?.[1] === undefined
      ? 0
      : Number(/connected_clients:(\d+)/.exec(await admin.info("clients"))?.[1]) - 1;
  }

  it("sends each command once, with keys of its own", async () => {
    const driver = await openPlan(redisPlan(`${server.url}/3`, "SET 'k {n}' v{r}"));
    const { counts, bytes, errors } = await drive(driver, { requests: 200 });
    expect(await clients()).toBe(4);
    await driver.close();
    expect([counts, errors]).toEqual([
      { sent: 200, ok: 200, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 },
      {},
    ]);
    expect(bytes).toBe(200 * "OK".length);
    expect(await callsOf("set")).toBe(200);
    await admin.select(3);
    expect((await admin.keys("*")).toSorted()).toEqual(
      Array.from({ length: 200 }, (_, n) => `k ${n}`).toSorted(),
    );
    await until(async () => (await clients()) === 0);
  });

  it("pings unless told otherwise, one command at a time on each connection", async () => {
    const driver = await openPlan(redisPlan(server.url, null, { connections: 2 }));
    // Each connection asks once whether the server answers.
    const before = await callsOf("ping");
    const { counts } = await drive(driver, { requests: 200, lanes: 10 });
    expect([counts.ok, await callsOf("ping"), await clients()]).toEqual([200, before + 200, 2]);
    await driver.close();
  });

  it("opens connections as they are needed where no number is given, and keeps them", async () => {
    const driver = await openPlan(redisPlan(server.url, "GET a", { connections: null }));
    expect(await clients()).toBe(1);
    const { counts } = await drive(driver, { requests: 300, lanes: 10 });
    expect([counts.ok, await callsOf("get")]).toEqual([300, 300]);
    const grown = await clients();
    expect(grown).toBeGreaterThan(1);
    expect(grown).toBeLessThanOrEqual(10);
    await drive(driver, { requests: 100, lanes: 1 });
    expect(await clients()).toBe(grown);
    await driver.close();
  });

  it("tells what the server refuses by its word, on the same connections", async () => {
    await admin.set("text", "x");
    const driver = await openPlan(redisPlan(server.url, "LPUSH text {n}"));
    const { counts, errors, examples } = await drive(driver, { requests: 40 });
    expect([counts.errors, errors, await clients()]).toEqual([40, { WRONGTYPE: 40 }, 4]);
    expect(examples["WRONGTYPE"]).toMatch(/^WRONGTYPE Operation against a key/);
    await driver.close();
  });

  it("gives up what has no answer in time, never sends it again, and opens a new connection for the next", async () => {
    const driver = await openPlan(redisPlan(server.url, "INCR n"));
    let frozen = 0;
    const { counts, errors } = await drive(driver, {
      timeoutMs: 100,
      async during() {
        await until(async () => Number(await admin.get("n")) > 50);
        await halt(server.process.pid ?? 0);
        await new Promise((resolve) => setTimeout(resolve, 300));
        server.process.kill("SIGCONT");
        frozen = Number(await admin.get("n"));
        await until(async () => Number(await admin.get("n")) > frozen + 50);
      },
    });
    await driver.close();
    expect(counts.timeouts).toBeGreaterThanOrEqual(4);
    expect(Object.keys(errors)).toEqual(["timeout"]);
    // What timed out may have been done, and no more than once.
    const done = await callsOf("incr");
    expect(done).toBeGreaterThanOrEqual(counts.ok);
    expect(done).toBeLessThanOrEqual(counts.sent);
  });

  it("goes on with failures when the server is killed, and with answers when it is back", async () => {
    const driver = await openPlan(redisPlan(server.url, "INCR n"));
    const { counts, errors } = await drive(driver, {
      async during() {
        await until(async () => Number(await admin.get("n")) > 50);
        await server.stop();
        await new Promise((resolve) => setTimeout(resolve, 100));
        await start([], server.port);
        await until(async () => Number(await admin.get("n").catch(() => 0)) > 50);
      },
    });
    await driver.close();
    expect(Object.keys(errors).toSorted()).toEqual(["ECONNREFUSED", "closed"]);
    expect(errors["closed"]).toBe(4);
    expect(counts.ok + counts.errors + counts.unfinished).toBe(counts.sent);
    expect(counts.unfinished).toBeLessThanOrEqual(4);
  });

  it("says nothing more of a command once it is closed", async () => {
    const driver = await openPlan(redisPlan(server.url, null));
    await halt(server.process.pid ?? 0);
    expect(await saidAroundClose(driver)).toEqual(["began"]);
    server.process.kill("SIGCONT");
  });

  it.each(["answers", "stands still"])("leaves nothing behind at a server that %s", async (how) => {
    const plan = redisPlan(server.url, "INCR n");
    const ended = endsByItself(plan, async () => {
      await until(async () => Number(await admin.get("n")) > 150);
      if (how === "stands still") await halt(server.process.pid ?? 0);
    });
    expect(await ended).toBeLessThan(2000);
  });

  it("says at once why it cannot begin", async () => {
    const { port } = await start(["--requirepass", "right"]);
    expect(await refusalOf(redisPlan(`redis://127.0.0.1:${await freePort()}`, null))).toMatchObject({
      code: "BENCH_UNREACHABLE",
      exitCode: 5,
      message: expect.stringContaining("ECONNREFUSED"),
    });
    for (const login of ["", ":wrong@"]) {
      const refusal = await refusalOf(redisPlan(`redis://${login}127.0.0.1:${port}`, null));
      expect(refusal).toMatchObject({ code: "PERMISSION_DENIED", exitCode: 4 });
      expect(refusal?.message).not.toContain("wrong@");
    }
    expect(await refusalOf(redisPlan(`redis://:right@127.0.0.1:${port}`, null))).toBeNull();
    expect(await refusalOf(redisPlan("redis://a,b,c", null))).toMatchObject({ code: "USAGE", exitCode: 2 });
    expect(await refusalOf(redisPlan("redis://a/x", null))).toMatchObject({
      code: "URL_INVALID",
      message: 'TARGET: "redis://a/x" has the path /x, which is not a database number',
    });
    expect(await refusalOf(redisPlan(server.url, "FLUSHALL"))).toMatchObject({ code: "USAGE" });
  });
});
