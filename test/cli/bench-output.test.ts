import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { BenchResult } from "../../src/core/bench/result.ts";
import { benchCli, QUICK, resultOf } from "../support/bench-cli.ts";
import { RawServer, whole } from "../support/raw-server.ts";

const { box, run, says, server } = benchCli();

/** All names of the result, however deep; of lists those of the first element. */
function shape(value: unknown, path = ""): readonly string[] {
  if (Array.isArray(value)) return value.length === 0 ? [path] : shape(value[0], `${path}[]`);
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([name, each]) => shape(each, path === "" ? name : `${path}.${name}`));
}

const SUMMARY = ["mean", "p50", "p90", "p99", "p999", "max"];
const under = (name: string, ...names: readonly string[]) => names.map((each) => `${name}.${each}`);
const NAMES = [
  ...["verdict", "reasons[]", "notes[]", "engine", "mode", "target", "startedAt", "durationMs"],
  ...under(
    "setup",
    "engine",
    "mode",
    "operation",
    "connections",
    "workers",
    "durationMs",
    "warmupMs",
    "rate",
  ),
  ...under("requests", "sent", "ok", "errors", "timeouts", "unfinished", "dropped"),
  ...under("rate", "offered", "achieved"),
  "bytesPerS",
  ...["latencyMs", "serviceMs", "pacerLagMs", "errorLatencyMs"].flatMap((name) => under(name, ...SUMMARY)),
  ...under("errors[]", "kind", "count", "example"),
  "utilisation",
  ...under("thresholds[]", "expr", "value", "ok", "isDefault"),
  "instances",
  ...under(
    "series[]",
    "atS",
    "seconds",
    "ok",
    "errors",
    "timeouts",
    "dropped",
    "p50",
    "p99",
    "max",
    "lagP99",
  ),
  "percentiles[][]",
  ...under("distribution[]", "upToMs", "share"),
  ...under("runs[]", "p50", "p90", "p99", "mean", "rate", "errorRate"),
  ...under(
    "environment",
    "dcs",
    "node",
    "os",
    "cpu",
    "cores",
    "memoryBytes",
    "host",
    "fingerprint",
    "gitSha",
  ),
  ...["endedBy", "findMax", "comparison"],
].toSorted();

describe("what it says", () => {
  it("one document, whose shape is that of the type, also when it fails", async () => {
    const held = await run([server.url, "-R", "50", "-d", "1s", "-T", "errors<1", "--json"]);
    expect([0, 98]).toContain(held.code);
    const broken = await run([
      `${server.url}bad`,
      "-R",
      "50",
      "-d",
      "1s",
      "--expect-status",
      "2xx",
      "--json",
    ]);
    const document = JSON.parse(broken.stdout) as { readonly data: BenchResult; readonly error: object };
    expect(document).toMatchObject({
      schema: "dcs.error/1",
      ok: false,
      error: { code: "BENCH_FAILED", message: expect.stringContaining("error_rate is 100%") },
    });
    expect(broken.code).toBe(99);
    // No latency of good answers, and so none of its distribution.
    const names = NAMES.map((name) => (name.startsWith("distribution") ? "distribution" : name));
    expect([...new Set(shape(document.data))].toSorted()).toEqual([...new Set(names)].toSorted());
    expect(document.data).toMatchObject({ verdict: "FAIL", endedBy: null, findMax: null, comparison: null });
    expect(document.data.notes.join()).toContain(
      "the first request was answered 503, which counts as an error",
    );
    if (held.code === 0) {
      expect(JSON.parse(held.stdout)).toMatchObject({
        ...{ schema: "dcs.bench/1", ok: true, warnings: [] },
        data: {
          ...{ verdict: "PASS", engine: "pacer", mode: "rate", target: server.url, durationMs: 1000 },
          requests: { sent: 50, ok: 50 },
          thresholds: [{ expr: "errors<1", value: 0, ok: true, isDefault: false }],
        },
      });
    }
  });

  it("INVALID has its data too, and status 98", async () => {
    const { code, error, result } = await says(server.url, "-n", "20", "-T", "p99<10s");
    expect(code).toBe(98);
    expect(error).toMatchObject({
      code: "BENCH_INVALID",
      message: expect.stringContaining("p99 needs 100 requests at least, and 20 were measured"),
    });
    expect(result).toMatchObject({ verdict: "INVALID", requests: { sent: 20, ok: 20 } });
  });

  it("the series covers the measurement and no more", async () => {
    const { series, durationMs } = resultOf(
      await says(server.url, "-R", "40", "-d", "1250ms", "--warmup", "0"),
    );
    expect(durationMs).toBe(1250);
    expect(series.at(-1)?.atS).toBeCloseTo(1.25, 6);
    expect(series.reduce((sum, { seconds }) => sum + seconds, 0)).toBeCloseTo(1.25, 6);
    const counted = resultOf(await says(server.url, "-n", "30", "-c", "1"));
    expect(counted.series.at(-1)?.atS).toBeCloseTo(counted.durationMs / 1000, 6);
    expect(counted.series.reduce((sum, { ok }) => sum + ok, 0)).toBe(30);
  });

  it("-o name says the verdict, -q nothing beside it", async () => {
    const named = await run([server.url, ...QUICK, "-o", "name"]);
    expect(named).toMatchObject({ code: 0, stdout: "PASS\n" });
    const failed = await run([`${server.url}bad`, "-n", "40", "-o", "name", "-q"]);
    expect(failed).toMatchObject({ code: 99, stdout: "FAIL\n" });
    expect(failed.stderr).toMatch(/^error BENCH_FAILED: error_rate is 100%.*\n {2}try: .*\n$/);
    const quiet = await run([server.url, "-R", "20", "-d", "1500ms", "-q", "-T", "requests>0"]);
    if (quiet.code === 0) expect(quiet.stderr).toBe("");
    const loud = await run([server.url, "-R", "20", "-d", "3s", "-T", "requests>0"]);
    expect(loud.stderr).toMatch(/s of 3s: \d+(\.\d+)?\/s, p50 .*, p99 /);
  });

  it("a job of GitHub gets a summary, and others after it keep theirs", async () => {
    const summary = join(box.dir, "summary.md");
    writeFileSync(summary, "before\n");
    await run([server.url, ...QUICK], { GITHUB_STEP_SUMMARY: summary });
    const text = readFileSync(summary, "utf8");
    expect(text).toMatch(/^before\n/);
    expect(text).toContain("PASS");
    expect(text).toContain(server.url);
    const elsewhere = await run([server.url, ...QUICK], { GITHUB_STEP_SUMMARY: join(box.dir, "no", "file") });
    expect(elsewhere.code).toBe(0);
    expect(elsewhere.stderr).toContain("warning GITHUB_STEP_SUMMARY cannot be written");
  });

  it("user and password of a URL are sent, and never told", async () => {
    let seen = "";
    await using asking = await RawServer.start(({ socket, head }) => {
      seen = /^authorization: (.*)$/im.exec(head)?.[1]?.trim() ?? "none";
      socket.write(whole());
    });
    const url = asking.url.replace("http://", "http://ann:s%40cret@");
    for (const mode of [[], ["-R", "50"]]) {
      seen = "";
      const { stdout, stderr, code } = await run([url, "-n", "20", ...mode, "--json"]);
      expect([0, 98]).toContain(code);
      expect(seen).toBe(`Basic ${Buffer.from("ann:s@cret").toString("base64")}`);
      expect(stdout + stderr).not.toMatch(/s%40cret|s@cret|YW5u/);
    }
  });

  it("a body goes out as it was given, from stdin too", async () => {
    const bodies: string[] = [];
    await using asking = await RawServer.start(({ socket, head }) => {
      bodies.push(/^content-length: (.*)$/im.exec(head)?.[1]?.trim() ?? "none");
      socket.write(whole());
      // The rest of what came is the body, which has no end of a head in it.
    });
    const { code } = await run([asking.url, "-n", "1", "-b", "@-", "-m", "put"], {}, "12345");
    expect(code).toBe(0);
    expect(bodies).toEqual(["5", "5"]);
  });
});
