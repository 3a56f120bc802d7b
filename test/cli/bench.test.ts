import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createSecureServer, createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BenchResult, ComparisonResult } from "../../src/core/bench/result.ts";
import { type BenchSaid, benchSays, startBench } from "../support/bench-command.ts";
import { Certificates } from "../support/certificates.ts";
import { dcsBin, runProcess } from "../support/cli.ts";
import { RawServer, whole } from "../support/raw-server.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import type { RunningDcs } from "../support/start-dcs.ts";
import { parseXml } from "../support/strict-xml.ts";
import { until } from "../support/until.ts";

const box = sandboxPerTest();
const BIN = process.env["DCS_TEST_BIN"] ?? dcsBin;
/** Short, and without a warm-up whose trend or counts would matter. */
const QUICK = ["-n", "40", "-c", "2"];

let server: RawServer;
beforeAll(async () => {
  server = await RawServer.start(({ socket, head }) => {
    const bad = head.startsWith("GET /bad");
    setTimeout(() => socket.write(bad ? whole().replace("200 OK", "503 No") : whole()), 2);
  });
});
afterAll(async () => server[Symbol.asyncDispose]());

/** With the words given, and nothing else: stdout, stderr, status. */
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}, input = "") =>
  runProcess([process.execPath, BIN, "bench", ...args], {
    env: { ...box.env, ...env },
    cwd: box.dir,
    input,
    timeout: 60_000,
  });

const says = (...args: string[]): Promise<BenchSaid> => benchSays(box, args);

function resultOf({ result, error }: BenchSaid): BenchResult {
  if (result === null) throw new Error(`no result: ${JSON.stringify(error)}`);
  return result;
}

describe("bad input", () => {
  const URL = "http://127.0.0.1:1/";

  it.each<[string, string[], RegExp]>([
    ["no connection", [URL, "-c", "0"], /--connections: "0" is not a whole number from 1 to 100000/],
    ["words for connections", [URL, "-c", "many"], /--connections: "many"/],
    ["a duration of 0", [URL, "-d", "0"], /--duration: it must be above 0/],
    ["a month", [URL, "-d", "30d"], /--duration: .* is longer than 7d/],
    ["a month of stages", [URL, "--stages", "1:5d,2:5d"], /--stages: .* is longer than 7d/],
    ["a request of a day", [URL, "--request-timeout", "1d"], /--request-timeout: 1d is longer than 1h/],
    ["a duration without a unit", [URL, "-d", "5"], /--duration: "5"/],
    ["no request", [URL, "-n", "0"], /--requests: "0"/],
    ["a rate of 0", [URL, "-R", "0"], /--rate: "0" is not a number above 0 and up to/],
    ["a rate in words", [URL, "-R", "fast"], /--rate: "fast"/],
    ["a rate beyond reason", [URL, "-R", "1000000000"], /--rate: "1000000000"/],
    ["no stage", [URL, "--stages", ""], /--stages/],
    ["a stage without an end", [URL, "--stages", "10"], /--stages 10: "10" is no stage/],
    ["a stage of no length", [URL, "--stages", "10:0s"], /--stages 10:0s: "10:0s" lasts no time/],
    ["a stage without a request", [URL, "--stages", "5:1s,0:5s"], /"0:5s" sends nothing/],
    ["another arrival", [URL, "-R", "5", "--arrival", "bus"], /--arrival.*even.*poisson/],
    ["no worker", [URL, "-w", "0"], /--workers: "0" is not a whole number from 1 to 64/],
    ["a warm-up before now", [URL, "--warmup", "-1s"], /--warmup/],
    ["no time for a request", [URL, "--request-timeout", "0"], /--request-timeout: it must be above 0/],
    ["nothing in flight", [URL, "-R", "5", "--max-in-flight", "0"], /--max-in-flight: "0"/],
    ["a seed below 0", [URL, "-R", "5", "--arrival", "poisson", "--seed", "-1"], /--seed: "-1"/],
    ["a method of two words", [URL, "-m", "GE T"], /--method: "GE T" is no method/],
    ["CONNECT", [URL, "-m", "connect"], /--method: "connect"/],
    ["a header without a value", [URL, "-H", "accept"], /--header: "accept" is not followed by a value/],
    ["a header without a name", [URL, "-H", ": x"], /--header/],
    ["a header of two lines", [URL, "-H", "a: b\nc: d"], /--header: the value of "a"/],
    ["a header that no header can hold", [URL, "-H", "a: €"], /--header: the value of "a"/],
    [
      "a header that is dcs's own",
      [URL, "-H", "Transfer-Encoding: chunked"],
      /--header: "Transfer-Encoding"/,
    ],
    ["a body that is not there", [URL, "-b", "@nothing"], /--body nothing: ENOENT/],
    ["a status beyond all", [URL, "--expect-status", "2xx,700"], /--expect-status: "700" is no status/],
    ["no stream", [URL, "--http2", "--streams", "0"], /--streams: "0"/],
    ["an authority that is not there", [URL, "--ca", "nothing"], /--ca nothing: ENOENT/],
    ["a threshold that compares nothing", [URL, "-T", "p99"], /--threshold: "p99": it compares nothing/],
    [
      "a threshold of nothing known",
      [URL, "-T", "latency<5ms"],
      /--threshold: "latency<5ms": "latency" is no metric/,
    ],
    ["a threshold without a unit", [URL, "-T", "p99<5"], /--threshold: "p99<5"/],
    ["the 100th percentile", [URL, "-T", "p100<5ms"], /percentiles are above 0 and below 100/],
    ["an early end in words", [URL, "--abort-early", "soon"], /--abort-early/],
    ["no run", [URL, "--runs", "0"], /--runs: "0"/],
    [
      "a change of nothing",
      [URL, "--baseline", "x", "--min-effect", "0"],
      /--min-effect: "0" is not a share above 0/,
    ],
    ["a change beyond all", [URL, "--baseline", "x", "--min-effect", "150%"], /--min-effect: "150%"/],
    ["a base that is not there", [URL, "--baseline", "nothing"], /--baseline nothing: ENOENT/],
    ["a search for nothing", [URL, "--find-max", "fast"], /--find-max: "fast": it compares nothing/],
    ["an output that it has not", [URL, "-o", "env"], /-o env/],
    ["no target", [], /TARGET/],
    ["an empty target", [""], /TARGET: "": it has no scheme/],
    [
      "a target without a scheme",
      ["localhost:8080/x"],
      /TARGET: "localhost:8080\/x": it has no scheme; did you mean http:\/\/localhost:8080/,
    ],
    ["a target of ftp", ["ftp://h/"], /nothing speaks ftp:/],
    ["half a URL", ["http://"], /TARGET: "http:\/\/": it cannot be read/],
    ["a service without a name", ["service://"], /TARGET: "service:\/\/": "" cannot be a service name/],
    ["a service of no version", ["service://a@"], /nothing stands after @/],
    ["half a gRPC target", ["grpc://h:1/x"], /grpc:\/\/HOST:PORT\/pkg.Service\/Method/],
    ["a lock without a name", ["lock:"], /a lock target is lock:NAME/],
    ["two ends", [URL, "-n", "5", "-d", "5s"], /--requests.*--duration|--duration.*--requests/],
    ["two rates", [URL, "-R", "5", "--stages", "5:1s"], /--rate.*--stages|--stages.*--rate/],
    [
      "stages and a number",
      [URL, "-n", "5", "--stages", "5:1s"],
      /--requests.*--stages|--stages.*--requests/,
    ],
    ["a warm-up before a number", [URL, "-n", "5", "--warmup", "1s"], /--warmup cannot go with --requests/],
    ["arrivals without a rate", [URL, "--arrival", "poisson"], /--arrival needs --rate or --stages/],
    [
      "a limit in flight without a rate",
      [URL, "--max-in-flight", "5"],
      /--max-in-flight needs --rate or --stages/,
    ],
    ["a seed of nothing", [URL, "-R", "5", "--seed", "5"], /--seed needs --arrival/],
    [
      "a seed of even arrivals",
      [URL, "-R", "5", "--arrival", "even", "--seed", "5"],
      /--seed: even arrivals/,
    ],
    ["streams without HTTP/2", [URL, "--streams", "5"], /--streams needs --http2/],
    ["an operation on HTTP", [URL, "--op", "PING"], /--op: a target of http has no use for it/],
    ["types for HTTP", [URL, "--proto", "x"], /--proto: a target of http/],
    ["a method for Redis", ["redis://h:1", "-m", "GET"], /--method: a target of redis/],
    ["an authority, and none", [URL, "--ca", "x", "-k"], /--ca cannot go with --insecure/],
    ["a change without a base", [URL, "--min-effect", "5%"], /--min-effect needs --baseline/],
    [
      "a search and stages",
      [URL, "--find-max", "p99<1s", "--stages", "5:1s"],
      /--find-max cannot go with --stages/,
    ],
    [
      "a search and a number",
      [URL, "--find-max", "p99<1s", "-n", "5"],
      /--find-max cannot go with --requests/,
    ],
    ["a search and runs", [URL, "--find-max", "p99<1s", "--runs", "2"], /--find-max cannot go with --runs/],
    [
      "a search to be saved",
      [URL, "--find-max", "p99<1s", "--save", "x"],
      /--find-max cannot go with --save/,
    ],
    ["one side of a comparison", ["compare", URL], /B/],
    ["a target and a file", ["compare", URL, "file"], /one of A and B is a target, and the other a file/],
    ["two files that are not there", ["compare", "a", "b"], /A a: ENOENT/],
    ["files and a header", ["compare", "a", "b", "-H", "x: y"], /--header: two files are compared/],
    ["files and a rate", ["compare", "a", "b", "-R", "5"], /--rate: two files are compared/],
  ])("%s", async (_what, args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(stdout).toBe("");
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(2);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });

  it("a place that cannot be written is told before anything is sent", async () => {
    writeFileSync(join(box.dir, "file"), "");
    mkdirSync(join(box.dir, "directory"));
    writeFileSync(join(box.dir, "base"), "{}");
    const before = server.connections;
    for (const flag of ["--save", "--junit", "--report"]) {
      for (const place of ["nowhere/file", "file/below", "directory", "directory/", ""]) {
        const { code, stderr } = await run([server.url, ...QUICK, flag, place]);
        expect({ flag, place, code, told: stderr.includes(`${flag} ${place}: `) }, stderr).toEqual({
          ...{ flag, place, code: 2, told: true },
        });
      }
    }
    const { code, stderr } = await run([server.url, ...QUICK, "--baseline", "base"]);
    expect(stderr).toContain("--baseline base: it holds no saved runs");
    expect(code).toBe(2);
    expect(server.connections).toBe(before);
  });
});

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

describe("files", () => {
  it("what --save wrote is a base for others, and a comparison", async () => {
    const load = ["-R", "50", "-d", "500ms", "--warmup", "0", "--runs", "2", "-T", "errors<1"];
    await run([server.url, ...load, "--save", "a.json", "--junit", "a.xml", "--report", "a.html"]);
    await run([server.url, ...load, "--save", "b.json"]);
    const saved = JSON.parse(readFileSync(join(box.dir, "a.json"), "utf8"));
    expect(saved).toMatchObject({
      schema: "dcs.bench.runs/1",
      data: { target: server.url, setup: { engine: "pacer", rate: 50 }, runs: [{}, {}] },
    });
    const xml = readFileSync(join(box.dir, "a.xml"), "utf8");
    parseXml(xml);
    expect(xml).toContain("errors&lt;1");
    expect(readFileSync(join(box.dir, "a.html"), "utf8")).toContain("</html>");

    const compared = await run(["compare", "a.json", "b.json", "--json", "--junit", "c.xml"]);
    const document = JSON.parse(compared.stdout) as { readonly data: ComparisonResult };
    // Two runs a side can show nothing.
    expect(document).toMatchObject({ error: { code: "BENCH_INVALID" }, data: { verdict: "INVALID" } });
    expect(compared.code).toBe(98);
    expect(Object.keys(document.data).toSorted()).toEqual(
      ["a", "alpha", "b", "metrics", "minEffect", "notes", "reasons", "verdict"].toSorted(),
    );
    expect(document.data).toMatchObject({ a: { name: "a.json", runs: [{}, {}] }, b: { name: "b.json" } });
    parseXml(readFileSync(join(box.dir, "c.xml"), "utf8"));

    const { code, result } = await says(
      server.url,
      "-R",
      "50",
      "-d",
      "500ms",
      "--warmup",
      "0",
      "--baseline",
      join(box.dir, "a.json"),
    );
    expect(code).toBe(98);
    // As many runs as the base has.
    expect(result).toMatchObject({ verdict: "INVALID", runs: [{}, {}], comparison: { verdict: "INVALID" } });
  });

  it("nothing is compared that was not measured alike", async () => {
    await run([server.url, "-R", "50", "-d", "300ms", "--warmup", "0", "--save", "a.json"]);
    await run([server.url, "-R", "60", "-d", "300ms", "--warmup", "0", "--save", "b.json"]);
    const { stdout, code } = await run(["compare", "a.json", "b.json"]);
    expect(code).toBe(98);
    expect(stdout).toMatch(/INVALID .*rate/);
  });

  it("two targets are measured in turns", async () => {
    const { stdout, stderr, code } = await run([
      ...[
        "compare",
        server.url,
        `${server.url}bad`,
        "-R",
        "50",
        "-d",
        "300ms",
        "--warmup",
        "0",
        "--runs",
        "4",
        "--json",
      ],
    ]);
    const { data } = JSON.parse(stdout) as { readonly data: ComparisonResult };
    expect(stderr.match(/run \d of 8: \S+/g)?.map((line) => line.endsWith("bad"))).toEqual(
      // ABBA, and then BAAB.
      [false, true, true, false, true, false, false, true],
    );
    expect([98, 99]).toContain(code);
    expect(data.a.runs).toHaveLength(4);
    expect(data.b.runs.every(({ errorRate }) => errorRate === 1)).toBe(true);
  });

  it("Ctrl-C in a comparison is no verdict", async () => {
    const { dcs, said } = startBench(box, [
      "compare",
      server.url,
      server.url,
      "-R",
      "20",
      "-d",
      "400ms",
      "--warmup",
      "0",
    ]);
    await until(() => dcs.stderr().includes("run 4 of 20"), 30_000);
    dcs.process.kill("SIGINT");
    const { code, error, result } = await said;
    expect({ code, error }).toMatchObject({ code: 130, error: { code: "INTERRUPTED" } });
    const { a, b } = result as unknown as ComparisonResult;
    expect(a.runs.length + b.runs.length).toBe(3);
    const early = startBench(box, ["compare", server.url, server.url, "-R", "20", "-d", "60s"]);
    await until(() => early.dcs.stderr().includes("run 1 of 20"), 30_000);
    early.dcs.process.kill("SIGTERM");
    expect(await early.said).toMatchObject({ code: 143, error: { code: "TERMINATED" }, result: null });
  });
});

describe("judging on the way", () => {
  it("--abort-early ends what is broken, and nothing that may still come true", async () => {
    const broken = await says(
      `${server.url}bad`,
      "-R",
      "50",
      "-d",
      "60s",
      "--warmup",
      "0",
      "--abort-early",
      "1s",
    );
    expect(broken.code).toBe(99);
    expect(broken.tookMs).toBeLessThan(15_000);
    expect(broken.result).toMatchObject({ endedBy: "threshold", verdict: "FAIL" });
    expect(broken.result?.rate.offered).toBe(50);
    const { code, result } = await says(
      ...[server.url, "-R", "50", "-d", "3s", "--warmup", "0", "--abort-early", "300ms"],
      ...["-T", "rate>40/s", "-T", "requests>=150", "-T", "errors<1"],
    );
    expect(result).toMatchObject({ endedBy: null, requests: { sent: 150 } });
    expect([0, 98]).toContain(code);
  });

  it("what was offered by stages is what was due until the end", async () => {
    const { dcs, said } = startBench(box, [server.url, "--stages", "20:2s,200:60s", "--warmup", "0"]);
    await until(() => dcs.stderr().includes("s of "), 20_000);
    dcs.process.kill("SIGINT");
    const { result } = await said;
    expect(result?.rate.offered).toBeGreaterThan(19);
    expect(result?.rate.offered).toBeLessThan(120);
    const whole = resultOf(await says(server.url, "--stages", "20:1s,20-60:1s", "--warmup", "0"));
    expect(whole.requests.sent).toBe(60);
    expect(whole.rate.offered).toBeCloseTo(30, 6);
    expect(whole).toMatchObject({ durationMs: 2000, setup: { rate: 60 } });
  });

  it("--find-max finds what a server can do", async () => {
    // One at a time, 10 ms each: 100 a second.
    let freeAt = 0;
    await using slow = await RawServer.start(({ socket }) => {
      freeAt = Math.max(freeAt, performance.now()) + 10;
      setTimeout(() => socket.write(whole()), freeAt - performance.now());
    });
    const { result, code } = await says(
      slow.url,
      "--find-max",
      "p90<150ms",
      "-R",
      "30",
      "-d",
      "1s",
      "--request-timeout",
      "3s",
    );
    const found = result?.findMax;
    const told = JSON.stringify(found?.steps) ?? "";
    // On a machine that is busy with other things a step has no verdict, and the search goes the wrong way.
    if (told.includes("the generator was late")) {
      expect(found?.rate, told).toBeLessThan(125);
      return;
    }
    expect(found?.rate, told).toBeGreaterThan(60);
    expect(found?.rate).toBeLessThan(125);
    expect(found?.limitedBy).toBe("target");
    expect(code).toBe(0);
    const rates = found?.steps.filter(({ verdict }) => verdict !== "PASS").map(({ rate }) => rate) ?? [];
    expect(Math.min(...rates) / (found?.rate ?? 1)).toBeLessThanOrEqual(1.06);
  });

  it("--find-max says so when nothing holds, and Ctrl-C ends it", async () => {
    const none = await says(
      `${server.url}bad`,
      "--find-max",
      "p99<1s",
      "-R",
      "2",
      "-d",
      "300ms",
      "--warmup",
      "0",
    );
    expect(none).toMatchObject({ code: 99, result: { findMax: { rate: 0, limitedBy: "target" } } });
    const { dcs, said } = startBench(box, [server.url, "--find-max", "errors<1", "-R", "20", "-d", "500ms"]);
    await until(() => /20\/s: \w+/.test(dcs.stderr()), 20_000);
    dcs.process.kill("SIGINT");
    expect(await said).toMatchObject({
      code: 130,
      error: { code: "INTERRUPTED" },
      result: { endedBy: "person" },
    });
  });

  it("independent users come the same way with the same seed", async () => {
    const times = async (...seed: readonly string[]) => {
      const all: number[] = [];
      await using noting = await RawServer.start(({ socket, number }) => {
        if (number > 1) all.push(performance.now());
        socket.write(whole());
      });
      await says(
        noting.url,
        "-R",
        "60",
        "-d",
        "2s",
        "--warmup",
        "0",
        "--arrival",
        "poisson",
        "-w",
        "1",
        ...seed,
      );
      return { count: all.length, gaps: all.slice(1).map((at, index) => at - (all[index] ?? 0)) };
    };
    const [first, again, other] = [
      await times("--seed", "7"),
      await times("--seed", "7"),
      await times("--seed", "8"),
    ];
    expect(again.count).toBe(first.count);
    const differ = (a: readonly number[], b: readonly number[]) =>
      a.reduce((sum, gap, index) => sum + Math.abs(gap - (b[index] ?? 0)), 0) / a.length;
    expect(differ(first.gaps, again.gaps)).toBeLessThan(differ(first.gaps, other.gaps) / 2);
  });
});

describe("services", () => {
  const instances = async (weights: readonly number[], answer = () => whole()) => {
    const servers = await Promise.all(
      weights.map(() => RawServer.start(({ socket }) => socket.write(answer()))),
    );
    const registered: RunningDcs[] = [];
    for (const [index, { port }] of servers.entries()) {
      registered.push(
        box.start(
          ...["register", "web", "--endpoint", `127.0.0.1:${port}`, "--weight", String(weights[index])],
          ...["--version", index === 0 ? "1.0.0" : "2.0.0", "--json"],
        ),
      );
    }
    await until(() => registered.every((each) => each.stdout().includes('"ready"')), 30_000);
    return { servers, registered };
  };

  it.each([
    ["max mode", ["-n", "600", "-c", "4"]],
    ["rate mode", ["-R", "150", "-n", "600"]],
  ])("%s: each instance has a row, and its share", async (_mode, load) => {
    const { servers } = await instances([1, 2, 3]);
    try {
      const { result } = await says("service://web/health?x=1", ...load, "-w", "1");
      const shares = servers.map(({ port }) =>
        result?.instances.find(({ endpoint }) => endpoint.endsWith(`:${port}`)),
      );
      expect(shares.map((each) => each?.requests.sent)).toEqual([100, 200, 300]);
      expect(result?.target).toBe("service://web/health?x=1");
      expect(result?.notes).toContain("instances were chosen by dcs's own balancer, by weight");
      const some = await says("service://web@2.0.0/", "-n", "50");
      expect(some.result?.instances.map(({ version }) => version)).toEqual(["2.0.0", "2.0.0"]);
      expect(some.result?.requests.ok).toBe(50);
      const none = await says("service://web@3.0.0/", "-n", "50");
      expect(none).toMatchObject({
        code: 6,
        error: { code: "SERVICE_NOT_FOUND", message: "no instance of web of version 3.0.0 takes requests" },
      });
      expect(await says("service://nothing/")).toMatchObject({
        code: 6,
        error: { code: "SERVICE_NOT_FOUND" },
      });
    } finally {
      for (const each of servers) await each[Symbol.asyncDispose]();
    }
  });

  it("one that goes away in the middle gets nothing more, and all that go leave nobody to blame", async () => {
    const { servers, registered } = await instances([1, 1]);
    try {
      const { dcs, said } = startBench(box, [
        "service://web/",
        "-R",
        "50",
        "-d",
        "8s",
        "--warmup",
        "0",
        "-w",
        "1",
      ]);
      await until(() => (servers[0]?.requests ?? 0) > 20, 30_000);
      registered[0]?.process.kill("SIGTERM");
      await registered[0]?.done;
      await new Promise((resolve) => setTimeout(resolve, 500));
      const seen = servers[0]?.requests;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      expect(servers[0]?.requests).toBe(seen);
      registered[1]?.process.kill("SIGTERM");
      await registered[1]?.done;
      const { result } = await said;
      expect(dcs.stderr()).not.toContain("    at ");
      const nobody = result?.errors.find(({ kind }) => kind === "no instance");
      expect(nobody?.example).toBe("no ready instance of the service is registered");
      expect(result?.instances.map(({ requests }) => requests.errors)).toEqual([0, 0]);
      expect(result?.requests.errors).toBe(nobody?.count);
    } finally {
      for (const each of servers) await each[Symbol.asyncDispose]();
    }
  });

  it("one that is dead is an error now and then, and not the end", async () => {
    const { servers } = await instances([1, 1, 1]);
    await servers[0]?.[Symbol.asyncDispose]();
    try {
      const { result, code } = await says("service://web/", "-R", "60", "-n", "60", "-w", "1");
      expect([98, 99]).toContain(code);
      expect(result?.requests).toMatchObject({ sent: 60, ok: 40, errors: 20 });
      await servers[1]?.[Symbol.asyncDispose]();
      await servers[2]?.[Symbol.asyncDispose]();
      const all = await says("service://web/", "-n", "60");
      expect(all).toMatchObject({ code: 5, error: { code: "BENCH_UNREACHABLE" } });
      expect(all.error?.hint).toContain("nothing listens there");
    } finally {
      for (const each of servers) await each[Symbol.asyncDispose]();
    }
  });
});

describe("HTTP/2", () => {
  it.each([
    ["max mode", ["-c", "2", "-n", "200"]],
    ["rate mode", ["-R", "100", "-n", "100"]],
  ])("%s: over TCP and TLS, asked for and found out", async (mode, load) => {
    using files = new Certificates();
    files.certificate("server", "IP:127.0.0.1", 2);
    const tls = { key: readFileSync(files.path("server.key")), cert: readFileSync(files.path("server.pem")) };
    const only = createSecureServer(tls);
    const both = createSecureServer({ ...tls, allowHTTP1: true });
    const plain = createServer();
    const versions = new Map<unknown, Set<string>>();
    for (const each of [plain, only, both]) {
      versions.set(each, new Set());
      each.on("request", (request, response) => {
        versions.get(each)?.add(request.httpVersion);
        response.end("hello");
      });
      each.listen(0, "127.0.0.1");
      await once(each, "listening");
    }
    const port = (of: Http2Server) => (of.address() as AddressInfo).port;
    try {
      const total = mode === "max mode" ? 200 : 100;
      for (const [url, of, flags] of [
        [`http://127.0.0.1:${port(plain)}/`, plain, ["--http2"]],
        [`http://127.0.0.1:${port(plain)}/`, plain, []],
        [`https://127.0.0.1:${port(only)}/`, only, ["-k"]],
        [`https://127.0.0.1:${port(both)}/`, both, ["-k", "--http2", "--streams", "3"]],
      ] as const) {
        versions.get(of)?.clear();
        const { result, error } = await says(url, ...load, ...flags);
        expect(result?.requests, JSON.stringify(error)).toMatchObject({ sent: total, ok: total });
        expect([...(versions.get(of) ?? [])]).toEqual(["2.0"]);
        expect(result?.engine).toBe(mode === "max mode" ? "loop" : "pacer");
        const isTold = result?.notes.includes("the target speaks HTTP/2 only, so that is used");
        expect(isTold).toBe(!(flags as readonly string[]).includes("--http2"));
      }
      // HTTP/1.1 only: nothing else is measured in its place.
      await using old = await RawServer.start(({ socket }) => socket.write(whole()), {
        tls: { key: tls.key.toString(), cert: tls.cert.toString() },
      });
      const refused = await says(`https://127.0.0.1:${old.port}/`, ...load, "-k", "--http2");
      expect(refused).toMatchObject({ code: 5, error: { code: "BENCH_UNREACHABLE" } });
      expect(refused.error?.message).toContain("does not speak HTTP/2");
      expect(refused.error?.hint).toContain("--http2");
      expect(old.requests).toBe(0);
    } finally {
      for (const each of [plain, only, both]) each.close();
    }
  });
});

it("a report that cannot be written in the end leaves the result to be read", async () => {
  const place = join(box.dir, "out");
  mkdirSync(place);
  const { dcs, said } = startBench(box, [
    ...[server.url, "-R", "20", "-d", "2s", "--warmup", "0", "--save", join(place, "runs.json")],
  ]);
  await until(() => dcs.stderr().includes("of 2s"), 20_000);
  mkdirSync(join(place, "runs.json"));
  const { code, error, result, stderr } = await said;
  if (result?.verdict === "PASS")
    expect({ code, error }).toMatchObject({ code: 2, error: { code: "FILE_INVALID" } });
  else expect(stderr).toMatch(/warning --save .*runs\.json: EISDIR/);
  expect(result?.requests.sent).toBe(40);
});
