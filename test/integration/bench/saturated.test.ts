import { expect, it } from "vitest";
import { Histograms } from "../../../src/core/bench/latency-histogram.ts";
import { benchPlan } from "../../../src/core/bench/run/bench-options.ts";
import { generatorCeiling } from "../../../src/core/bench/run/calibrate.ts";
import { benchRun } from "../../support/bench-run.ts";
import { startKnownServer } from "../../support/known-server.ts";

const ceiling = async (
  url: string,
  http: { readonly method?: string; readonly body?: Buffer; readonly http2?: boolean },
) =>
  generatorCeiling(
    { ...benchPlan({ target: { kind: "http", url }, http, connections: 8, workers: 1 }, 2), engine: "loop" },
    await Histograms.load(),
    new AbortController().signal,
  );

it("a rate that no generator can send is INVALID, and the target is not blamed", async () => {
  await using server = await startKnownServer();
  const result = await benchRun(`${server.origin}/constant?ms=1`, {
    ...{ rate: 400_000, duration: 500, warmup: 0, workers: 1, "request-timeout": 2000 },
    thresholds: ["p99<1ms", "error_rate<=100%"],
  });
  expect(result.verdict).toBe("INVALID");
  expect(result.reasons.join("; ")).toMatch(/the generator was late itself|the generator was busy/);
  expect(result.reasons.join("; ")).toContain("which proves nothing then");
});

it("the generator's own ceiling is known where a server that does nothing can stand in for the target", async () => {
  expect(await ceiling("http://h/", {})).toBeGreaterThan(500);
  // Bodies are read, and not taken for requests: each is answered once.
  expect(
    await ceiling("http://h/", { method: "POST", body: Buffer.alloc(70_000, "GET / HTTP/1.1\r\n\r\n") }),
  ).toBeGreaterThan(50);
  expect(await ceiling("https://h/", {})).toBeNull();
  expect(await ceiling("http://h/", { http2: true })).toBeNull();
  expect(await ceiling("http://h/", { method: "HEAD" })).toBeNull();
});
