import { describe, expect, it } from "vitest";
import { parseBenchTarget, sayTarget } from "../../../src/core/bench/bench-target.ts";
import { benchPlan } from "../../../src/core/bench/run/bench-options.ts";
import { fitOpenFiles } from "../../../src/core/bench/run/open-files.ts";
import { isDcsError } from "../../../src/core/errors.ts";

describe("a target", () => {
  it.each([
    ["http://h:1/p?q=1", { kind: "http", url: "http://h:1/p?q=1" }],
    ["service://orders", { kind: "service", service: "orders", version: null, path: "/" }],
    ["service://orders@v2/a/b?c", { kind: "service", service: "orders", version: "v2", path: "/a/b?c" }],
    [
      "grpcs://h:50051/shop.v1.Orders/Get",
      { kind: "grpc", address: "h:50051", secure: true, service: "shop.v1.Orders", method: "Get" },
    ],
    ["redis+cluster://a:1,b:2", { kind: "redis", url: "redis+cluster://a:1,b:2" }],
    ["etcd://a:2379", { kind: "etcd", url: "etcd://a:2379" }],
    ["lock:jobs/{n}", { kind: "lock", name: "jobs/{n}" }],
  ])("%s", (text, target) => {
    expect(parseBenchTarget(text)).toEqual(target);
    expect(parseBenchTarget(sayTarget(parseBenchTarget(text)))).toEqual(target);
  });

  it.each([
    ...["", "host:80", "localhost", "ftp://h/", "http://", "service://", "service://a b/", "service://a@/x"],
    ...["grpc://h/pkg.S/M", "grpc://h:1/M", "grpc://h:1/pkg.S/", "lock:"],
  ])("refuses %j, and says what is allowed", (text) => {
    const refusal = (() => {
      try {
        return parseBenchTarget(text);
      } catch (error) {
        return error;
      }
    })();
    expect(isDcsError(refusal, "USAGE")).toBe(true);
    expect((refusal as Error).message).toContain("TARGET");
  });

  it("tells no password", () => {
    expect(sayTarget(parseBenchTarget("mysql://u:geheim@h/db"))).toBe("mysql://u:***@h/db");
  });
});

describe("a plan", () => {
  const target = parseBenchTarget("http://h/");

  it("fills in what was left open", () => {
    expect(benchPlan({ target }, 8)).toMatchObject({
      ...{ mode: "max", connections: 10, workers: 7, durationMs: 10_000, warmupMs: 1000, sliceMs: 1000 },
    });
    expect(benchPlan({ target, rate: 500 }, 8)).toMatchObject({
      ...{ mode: "rate", engine: "pacer", connections: null, workers: 1, maxInFlight: 5000 },
      stages: [{ from: 500, to: 500, durationMs: 10_000 }],
    });
    expect(benchPlan({ target, rate: 30_000 }, 8).workers).toBe(3);
    expect(benchPlan({ target, rate: 30_000 }, 2).workers).toBe(1);
  });

  it("of a number of requests has no warm-up, and no more connections or workers than requests", () => {
    expect(benchPlan({ target, amount: 3 }, 8)).toMatchObject({
      ...{ connections: 3, workers: 3, warmupMs: 0, durationMs: null },
    });
  });

  it("of stages is as long as they are", () => {
    const stages = [
      { from: 1, to: 1, durationMs: 30_000 },
      { from: 1, to: 5, durationMs: 60_000 },
    ];
    expect(benchPlan({ target, stages }, 2)).toMatchObject({ durationMs: 90_000, warmupMs: 2000 });
  });

  it("refuses more connections than this process may open, and lowers a limit that nobody gave", () => {
    const asked = benchPlan({ target, connections: 10_000 }, 2);
    expect(() => fitOpenFiles(asked, () => 1024)).toThrow(
      expect.objectContaining({ code: "USAGE", message: expect.stringContaining("--connections 10000") }),
    );
    expect(fitOpenFiles(asked, () => 1_048_576)).toEqual(asked);
    const open = benchPlan({ target, rate: 1000 }, 2);
    expect(fitOpenFiles(open, () => 1024).maxInFlight).toBe(960);
  });
});
