import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { benchRun, expectClose, measured } from "../../support/bench-run.ts";
import { type KnownServer, startKnownServer } from "../../support/known-server.ts";

const PERCENTILES = ["p50", "p90", "p99"] as const;

let server: KnownServer;
beforeAll(async () => {
  server = await startKnownServer();
});
afterAll(async () => server[Symbol.asyncDispose]());

describe.each([1, 2])("with workers: %i", (workers) => {
  it("a server that takes 50 ms, on a schedule", () =>
    measured(async () => {
      const before = await server.count("/constant");
      const result = await benchRun(`${server.origin}/constant?ms=50`, {
        ...{ rate: 200, duration: 3000, warmup: 1000, workers },
      });
      expect(result.requests).toMatchObject({ sent: 600, ok: 600, errors: 0, timeouts: 0, dropped: 0 });
      // And the first one, and those of the warm-up, which are not counted.
      expect((await server.count("/constant")) - before).toBe(801);
      expect(result).toMatchObject({ engine: "pacer", mode: "rate" });
      const truth = await server.given("/constant", 600);
      return () => {
        expectClose(truth(50), 50, "what the server gave");
        for (const name of PERCENTILES)
          expectClose(result.latencyMs[name], truth(Number(name.slice(1))), name);
        expectClose(result.rate.achieved, 200, "rate");
        expect(result.verdict).toBe("PASS");
      };
    }));

  it("a server that takes 50 ms, as fast as it goes", () =>
    measured(async () => {
      const result = await benchRun(`${server.origin}/constant?ms=50`, {
        ...{ duration: 1500, warmup: 1000, connections: 4, workers },
      });
      expect(result).toMatchObject({
        engine: "autocannon",
        mode: "max",
        requests: { errors: 0, timeouts: 0 },
      });
      const truth = await server.given("/constant", result.requests.ok);
      return () => {
        expectClose(truth(50), 50, "what the server gave");
        for (const name of PERCENTILES)
          expectClose(result.latencyMs[name], truth(Number(name.slice(1))), name);
        expectClose(result.rate.achieved, 80, "rate");
      };
    }));

  it("a number of requests, to the last one", async () => {
    const before = await server.count("/constant");
    const result = await benchRun(`${server.origin}/constant?ms=5`, {
      requests: 201,
      connections: 10,
      workers,
    });
    expect(result).toMatchObject({ engine: "autocannon", requests: { sent: 201, ok: 201 } });
    // And the first one, which is not counted.
    expect((await server.count("/constant")) - before).toBe(202);
  });

  it("a server that stalls 200 ms in each second, at 1,000/s", () =>
    measured(async () => {
      const result = await benchRun(`${server.origin}/stall?ms=200&every=1000`, {
        ...{ rate: 1000, duration: 3000, warmup: 500, workers },
      });
      expect(result.requests).toMatchObject({ sent: 3000, ok: 3000, dropped: 0 });
      return () => {
        // A fifth of the requests waits, evenly spread from 0 to 200 ms: P(wait > x) = 0.2 · (1 - x / 200).
        expectClose(result.latencyMs.p99, 190, "p99");
        expectClose(result.latencyMs.p90, 100, "p90", 0.05);
        expect(result.latencyMs.p50).toBeLessThan(5);
      };
    }));
});

it("half fast failures, which do not make p50 better", () =>
  measured(async () => {
    const result = await benchRun(`${server.origin}/half?ms=100`, { rate: 100, duration: 1000, warmup: 0 });
    expect(result.requests).toMatchObject({ sent: 100, ok: 50, errors: 50 });
    expect(result.errors).toEqual([{ kind: "503", count: 50, example: expect.stringContaining("503") }]);
    expect(result.verdict).toBe("FAIL");
    expect(result.reasons[0]).toContain("error_rate is 50%");
    return () => {
      expectClose(result.latencyMs.p50, 100, "p50");
      expect(result.errorLatencyMs.p50).toBeLessThan(20);
    };
  }));

it.each([
  ["as fast as it goes", { duration: 800, warmup: 800, connections: 2 }, "loop"],
  ["on a schedule", { rate: 50, duration: 1000, warmup: 800 }, "pacer"],
] as const)("connections that are closed after each answer, %s", (_name, flags, engine) =>
  measured(async () => {
    const result = await benchRun(`${server.origin}/close?ms=50`, flags);
    expect(result).toMatchObject({ engine, requests: { errors: 0, timeouts: 0 } });
    expect(result.requests.ok).toBe(result.requests.sent);
    return () => expectClose(result.serviceMs.p50, 50, "p50");
  }),
);

it("one in 20 that is never answered", () =>
  measured(async () => {
    const own = await startKnownServer();
    await using _ = own;
    const result = await benchRun(`${own.origin}/never?in=20&ms=50`, {
      ...{ rate: 100, duration: 1000, warmup: 0, "request-timeout": 500 },
    });
    const { sent, ok, timeouts } = result.requests;
    expect({ sent, ok, timeouts }).toEqual({ sent: 100, ok: 95, timeouts: 5 });
    expect(result.errors).toEqual([
      { kind: "timeout", count: 5, example: expect.stringMatching(/5\d\d ms/) },
    ]);
    return () => {
      expectClose(result.latencyMs.p50, 50, "p50");
      expectClose(result.latencyMs.p99, 500, "p99: they count with what they had");
    };
  }));

it("HEAD, which has no body", () =>
  measured(async () => {
    const result = await benchRun(`${server.origin}/constant?ms=50`, {
      ...{ method: "HEAD", duration: 1000, warmup: 1500, connections: 4 },
    });
    expect(result).toMatchObject({ engine: "loop", requests: { errors: 0, timeouts: 0 } });
    expect(result.requests.ok).toBe(result.requests.sent);
    return () => expectClose(result.latencyMs.p50, 50, "p50");
  }));

it("a single stall of 2 s: what was due in it has waited for its end", () =>
  measured(async () => {
    await using own = await startKnownServer();
    // It begins a second after the first request of all, the probe.
    const result = await benchRun(`${own.origin}/stall?ms=2000&every=1000000&after=1000`, {
      ...{ rate: 200, duration: 4000, warmup: 0 },
    });
    expect(result.requests).toMatchObject({ sent: 800, ok: 800 });
    return () => {
      // Half of them wait, evenly spread from 0 to 2000 ms: P(wait > x) = 0.5 · (1 - x / 2000).
      expectClose(result.latencyMs.p90, 1600, "p90");
      expectClose(result.latencyMs.p99, 1960, "p99");
    };
  }));
