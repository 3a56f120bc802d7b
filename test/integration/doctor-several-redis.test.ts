import { afterEach, describe, expect, it } from "vitest";
import { type DoctorReport, runDoctor } from "../../src/core/doctor/run-doctor.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { quorumUrl, startQuorum } from "../support/redis-quorum.ts";
import { startSentinels } from "../support/redis-sentinel.ts";
import { until } from "../support/until.ts";

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function doctor(locks: string): Promise<DoctorReport> {
  const setting = <T>(value: T) => ({ value, origin: { kind: "default" } as const });
  const embedded = setting("embedded:");
  return runDoctor(
    {
      context: null,
      store: embedded,
      locks: setting(locks),
      journal: embedded,
      protected: setting(false),
      timeoutMs: setting(3000),
      stateDir: setting("/nonexistent/dcs"),
      warnings: [],
    },
    new AbortController().signal,
  );
}

/** `check status` of what was found at Redis, less what is well. */
function troubles(report: DoctorReport): string[] {
  return report.checks
    .filter(({ backend, status }) => backend === "redis" && status !== "ok")
    .map(({ check, status }) => `${check} ${status}`)
    .sort();
}

describe("dcs doctor on several Redis servers", () => {
  it("looks at each of a quorum, says who is young, and fails when no majority answers", async () => {
    const quorum = await startQuorum(3);
    stops.push(() => quorum.stop());
    const young = await doctor(quorumUrl(quorum.servers, 0, ""));
    expect(troubles(young)).toEqual(["young fail", "young warn", "young warn", "young warn"]);
    expect(young.locks).toMatchObject({ backend: "redis", grade: "unusable" });
    const counting = await doctor(quorum.url());
    // They keep nothing on disk; that is said once, not of each server.
    expect(counting.locks.reasons).toEqual([expect.stringMatching(/young=count/)]);

    await quorum.servers[0]?.stop();
    const url = quorumUrl(quorum.servers, 0, "max-ttl=1s");
    expect(troubles(await doctor(url))).toContain("reachable warn");
    // Each counts once it has run for a second.
    await until(async () => (await doctor(url)).counts.fail === 0, 5000, 100);
    await quorum.servers[1]?.stop();
    const report = await doctor(url);
    expect(troubles(report).filter((each) => each.endsWith("fail"))).toEqual([
      "quorum fail",
      "reachable fail",
      "reachable fail",
    ]);
    expect(report.locks.grade).toBe("unknown");
  });

  it("sees one server under several names", async () => {
    const quorum = await startQuorum(2);
    stops.push(() => quorum.stop());
    const [a, b] = quorum.servers.map(({ port }) => port);
    const report = await doctor(`redis://127.0.0.1:${a},localhost:${a},127.0.0.1:${b}?max-ttl=1s`);
    expect(troubles(report)).toContain("independent fail");
  });

  it("asks the Sentinels for the master, and looks at that", async () => {
    const setUp = await startSentinels();
    stops.push(() => setUp.stop());
    const report = await doctor(setUp.url);
    expect(report.checks.find(({ check }) => check === "sentinels")).toMatchObject({
      status: "ok",
      detail: `3 of 3 Sentinels name 127.0.0.1:${setUp.master.port}`,
    });
    expect(troubles(report)).toEqual(["persistence warn", "replicas warn"]);
    expect(report.locks.grade).toBe("efficiency only");
  });

  it("looks at every master of a Cluster", async () => {
    const cluster = await startCluster();
    stops.push(() => cluster.stop());
    const report = await doctor(cluster.url);
    const checks = report.checks.filter(({ backend }) => backend === "redis");
    expect(checks.filter(({ check }) => check === "cluster")).toMatchObject([{ status: "ok" }]);
    expect(checks.filter(({ check }) => check === "reachable")).toHaveLength(3);
    expect(troubles(report)).toEqual(["persistence warn", "persistence warn", "persistence warn"]);
  });
});
