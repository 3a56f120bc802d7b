import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { benchPlan, drive, openPlan } from "../../support/bench-drive.ts";
import { endsByItself } from "../../support/bench-process.ts";
import { type ClusterSetUp, startCluster } from "../../support/redis-cluster.ts";
import { type SentinelSetUp, startSentinels } from "../../support/redis-sentinel.ts";

describe("a Redis Cluster, driven", () => {
  let cluster: ClusterSetUp;

  beforeAll(async () => {
    cluster = await startCluster();
  });

  afterAll(() => cluster?.stop());

  it("gets each command once, wherever its key is", async () => {
    const driver = await openPlan(benchPlan(cluster.url, { operation: { text: "SET k{n} v" } }));
    const { counts } = await drive(driver, { requests: 200 });
    await driver.close();
    expect(counts.ok).toBe(200);
    const calls = await Promise.all(
      [0, 1, 2].map(async (master) => {
        const stats = String(await cluster.call(master, "INFO", "commandstats"));
        return Number(/cmdstat_set:calls=(\d+)/.exec(stats)?.[1] ?? 0);
      }),
    );
    expect(calls.reduce((sum, each) => sum + each)).toBe(200);
    expect(Math.min(...calls)).toBeGreaterThan(0);
  });

  it("is left by itself", async () => {
    expect(await endsByItself(benchPlan(cluster.url, { operation: { text: "GET k{n}" } }))).toBeLessThan(
      1000,
    );
  });
});

describe("a Redis behind Sentinels, driven", () => {
  let sentinels: SentinelSetUp;

  beforeAll(async () => {
    sentinels = await startSentinels();
  });

  afterAll(() => sentinels?.stop());

  it("is found, and left by itself when its master is killed under it", async () => {
    const plan = benchPlan(sentinels.url, { operation: { text: "INCR n" } });
    const driver = await openPlan(plan);
    const { counts } = await drive(driver, { requests: 200 });
    await driver.close();
    expect(counts.ok).toBe(200);
    expect(await endsByItself(plan, () => sentinels.master.stop())).toBeLessThan(2000);
  });
});
