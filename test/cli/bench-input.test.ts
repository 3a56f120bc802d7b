import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { benchCli, QUICK } from "../support/bench-cli.ts";

const { box, run, server } = benchCli();

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
