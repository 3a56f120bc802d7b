import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { type DcsRun, runDcs, runProcess } from "../support/cli.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";

const HOLDER = { host: "elsewhere", pid: 4711, command: "worker" };

function dataOf(run: DcsRun): Record<string, unknown> {
  expect(run.stdout + run.stderr).toContain('"ok":true');
  return run.json()["data"] as Record<string, unknown>;
}

describe("a key on Redis that is not dcs's", () => {
  const box = sandboxPerTest();
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  const dcs = (url: string, ...args: readonly string[]) =>
    runDcs(["lock", ...args], { env: { ...box.env, DCS_LOCKS: url }, cwd: box.dir });
  const cli = (...args: readonly string[]) =>
    runProcess(["redis-cli", "-p", String(redis.port), ...args], { env: box.env });

  it("is never touched without its exact value", async () => {
    await cli("SET", "app", "s3cr3t");
    await cli("LPUSH", "list", "s3cr3t");
    const runs = await Promise.all(
      [["app"], ["app", "--foreign", "other"], ["list"], ["list", "--foreign", "s3cr3t"]].map((args) =>
        dcs(redis.url, "break", ...args, "--reason", "x", "--yes"),
      ),
    );
    const refused = { code: 3, stderr: expect.stringContaining("LOCK_FOREIGN") };
    expect(runs).toMatchObject([refused, refused, refused, refused]);
    await using locks = await openLocks({ url: redis.url, timeoutMs: 5000, stateDir: box.dir });
    const seen = (await locks.inspect("app"))?.holder;
    if (seen === undefined) throw new Error("no holder");
    await expect(locks.breakHold("app", seen)).rejects.toMatchObject({ code: "LOCK_FOREIGN" });
    await expect(locks.breakForeign?.("list", "s3cr3t")).rejects.toMatchObject({ code: "LOCK_FOREIGN" });
    await expect(locks.breakForeign?.("app", "s3cr3")).rejects.toMatchObject({ code: "LOCK_FOREIGN" });
    expect((await cli("GET", "app")).stdout.trim()).toBe("s3cr3t");
    expect((await cli("LLEN", "list")).stdout.trim()).toBe("1");
  });

  it("goes with its exact value, by a plan that does not hold it, and is in the history", async () => {
    await cli("SET", "theirs", "s3cr3t", "PX", "60000");
    const words = ["break", "theirs", "--reason", "left over", "--foreign", "s3cr3t"];
    const plan = await dcs(redis.url, ...words, "--dry-run", "--out", "p.json", "--json");
    expect(plan.stdout).not.toContain("s3cr3t");
    expect(await dcs(redis.url, "break", "--plan", "p.json")).toMatchObject({ code: 2 });
    const done = dataOf(await dcs(redis.url, "break", "--plan", "p.json", "--foreign", "s3cr3t", "--json"));
    expect(done).toMatchObject({ holds: [{ how: "broken", fence: null }], lastFence: null, noted: true });
    expect((await cli("EXISTS", "theirs")).stdout.trim()).toBe("0");
    const past = await dcs(redis.url, "inspect", "theirs", "--history", "--json");
    expect(past.stdout).not.toContain("s3cr3t");
    const { history } = dataOf(past) as {
      history: { fence: number }[];
    };
    expect(history).toMatchObject([{ end: "broken", host: null, ask: { reason: "left over" } }]);
    await using locks = await openLocks({ url: redis.url, timeoutMs: 5000, stateDir: box.dir });
    expect(
      (await locks.acquire({ name: "theirs", ttlMs: 60_000, waitMs: 0, holder: HOLDER, detached: false }))
        .fence,
    ).toBeGreaterThan(history[0]?.fence ?? 0);
    // What is dcs's is broken without.
    expect(await dcs(redis.url, ...words, "--yes")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--foreign"),
    });
  });
});
