import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { benchRun, expectClose } from "../../support/bench-run.ts";
import { type KnownServer, startKnownServer } from "../../support/known-server.ts";

let server: KnownServer;
beforeAll(async () => {
  server = await startKnownServer();
});
afterAll(async () => server[Symbol.asyncDispose]());

describe.each([1, 2])("with %i workers", (workers) => {
  it("a server that takes 50 ms, on a schedule", async () => {
    const before = await server.count("/constant");
    const result = await benchRun(`${server.origin}/constant?ms=50`, {
      ...{ rate: 100, duration: 3000, warmup: 0, workers },
    });
    expect(result.requests).toEqual({
      sent: 300,
      ok: 300,
      errors: 0,
      timeouts: 0,
      unfinished: 0,
      dropped: 0,
    });
    // And the first one, which is not counted.
    expect((await server.count("/constant")) - before).toBe(301);
    for (const name of ["p50", "p90", "p99"] as const) expectClose(result.latencyMs[name], 50, name);
    expectClose(result.rate.achieved, 100, "rate");
    expect(result).toMatchObject({ engine: "pacer", mode: "rate", verdict: "PASS" });
  });

  it("a server that takes 50 ms, as fast as it goes", async () => {
    const before = await server.count("/constant");
    const counted = await benchRun(`${server.origin}/constant?ms=50`, {
      requests: 401,
      connections: 10,
      workers,
    });
    expect(counted.requests).toMatchObject({ sent: 401, ok: 401 });
    expect((await server.count("/constant")) - before).toBe(402);
    const result = await benchRun(`${server.origin}/constant?ms=50`, {
      ...{ duration: 2000, connections: 10, workers },
    });
    for (const name of ["p50", "p90", "p99"] as const) expectClose(result.latencyMs[name], 50, name);
    expectClose(result.rate.achieved, 200, "rate");
    expect(result).toMatchObject({ engine: "autocannon", mode: "max", verdict: "PASS" });
  });

  it("a server that stalls 200 ms in each second, at 1,000/s", async () => {
    const result = await benchRun(`${server.origin}/stall?ms=200&every=1000`, {
      ...{ rate: 1000, duration: 5000, warmup: 1000, workers },
    });
    // A fifth of the requests waits, evenly spread from 0 to 200 ms: P(wait > x) = 0.2 · (1 - x / 200).
    expectClose(result.latencyMs.p99, 190, "p99");
    expectClose(result.latencyMs.p90, 100, "p90", 0.05);
    expect(result.latencyMs.p50).toBeLessThan(5);
    expect(result.requests).toMatchObject({ sent: 5000, ok: 5000, dropped: 0 });
  });

  it("half fast failures, which do not make p50 better", async () => {
    const result = await benchRun(`${server.origin}/half?ms=100`, {
      ...{ rate: 100, duration: 2000, warmup: 0, workers },
    });
    expect(result.requests).toMatchObject({ sent: 200, ok: 100, errors: 100 });
    expectClose(result.latencyMs.p50, 100, "p50");
    expect(result.errorLatencyMs.p50).toBeLessThan(20);
    expect(result.errors).toEqual([{ kind: "503", count: 100, example: expect.stringContaining("503") }]);
    expect(result.verdict).toBe("FAIL");
    expect(result.reasons[0]).toContain("error_rate is 50%");
  });

  it("connections that are closed after each answer", async () => {
    const url = `${server.origin}/close?ms=20`;
    const max = await benchRun(url, { duration: 2000, connections: 4, workers });
    expect(max).toMatchObject({ engine: "loop", requests: { errors: 0, timeouts: 0 } });
    expectClose(max.latencyMs.p50, 20, "p50", 0.1);
    expectClose(max.serviceMs.p50, 20, "p50 without connecting");
    const rate = await benchRun(url, { rate: 50, duration: 2000, workers });
    expect(rate.requests).toMatchObject({ sent: 100, ok: 100 });
    expectClose(rate.serviceMs.p50, 20, "p50");
  });

  it("one in 20 that is never answered", async () => {
    const result = await benchRun(`${server.origin}/never?in=20&ms=50`, {
      ...{ rate: 100, duration: 2000, warmup: 0, "request-timeout": 500, workers },
    });
    const { sent, ok, timeouts } = result.requests;
    expect({ sent, ok, timeouts }).toEqual({ sent: 200, ok: 190, timeouts: 10 });
    expectClose(result.latencyMs.p50, 50, "p50");
    expectClose(result.latencyMs.p99, 500, "p99: they count with what they had");
    expect(result.errors).toEqual([
      { kind: "timeout", count: 10, example: expect.stringContaining("500 ms") },
    ]);
  });

  it("HEAD, which has no body", async () => {
    const max = await benchRun(`${server.origin}/constant?ms=50`, {
      ...{ method: "HEAD", requests: 100, connections: 10, workers },
    });
    expect(max).toMatchObject({ engine: "loop", requests: { sent: 100, ok: 100 } });
    expectClose(max.latencyMs.p50, 50, "p50");
  });
});

it("a single stall of 2 s, of which the truth is in every percentile", async () => {
  const own = await startKnownServer();
  try {
    const result = await benchRun(`${own.origin}/stall?ms=2000&every=1000000`, {
      ...{ rate: 200, duration: 6000, warmup: 0 },
    });
    // A third waits, evenly spread from 0 to 2000 ms; the first request of all has begun the stall, and waited it through.
    expect(result.requests).toMatchObject({ sent: 1200, ok: 1200 });
    expect(result.latencyMs.max).toBeLessThan(2000);
  } finally {
    await own[Symbol.asyncDispose]();
  }
});
