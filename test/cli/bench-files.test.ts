import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ComparisonResult } from "../../src/core/bench/result.ts";
import { benchCli } from "../support/bench-cli.ts";
import { startBench } from "../support/bench-command.ts";
import { parseXml } from "../support/strict-xml.ts";
import { until } from "../support/until.ts";

const { box, run, says, server } = benchCli();

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
