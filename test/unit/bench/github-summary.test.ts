import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparisonSummary } from "../../../src/core/bench/report/compare-summary.ts";
import { benchSummary } from "../../../src/core/bench/report/github-summary.ts";
import {
  benchResult,
  comparisonResult,
  emptyBenchResult,
  findMaxResult,
  HOSTILE,
  hostileBenchResult,
  serviceBenchResult,
} from "../../support/bench-result.ts";

/** The cells of every table line, by what GitHub takes for the end of a cell. */
function tableLines(markdown: string): readonly (readonly string[])[] {
  return markdown
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
}

/** Every table has as many cells in each line as in its head; there is no HTML but our own line breaks. */
function expectWhole(markdown: string): void {
  let width = 0;
  const lines = markdown.split("\n");
  lines.forEach((line, index) => {
    if (!line.startsWith("|")) return;
    const cells = tableLines(line)[0]?.length ?? 0;
    if (!lines[index - 1]?.startsWith("|")) width = cells;
    expect(cells, line).toBe(width);
  });
  // Code is shown as it is.
  const prose = markdown.replace(/(?<![\\`])(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, "");
  expect(prose.replaceAll("<br>", "")).not.toMatch(/<|(?<!\\)`|(?<!\\)\[/);
}

describe("benchSummary", () => {
  it("begins with the verdict, what was measured, and why", () => {
    const summary = benchSummary(serviceBenchResult());
    expect(summary.split("\n").slice(0, 7)).toEqual([
      "## ❌ FAIL: Benchmark",
      "",
      "`service://orders@v2/v1/orders`  ",
      "GET, closed loop, for 1m after 5s of warm-up, 50 connections, 2 workers, engine autocannon, exit status 99",
      "",
      "- p99&lt;50ms was broken: 72.4ms",
      "- 10.0.3.17:8080 is slower than the others: p99 412ms against 24.1ms",
    ]);
    expectWhole(summary);
  });

  it("has the numbers, the thresholds, the instances and the errors", () => {
    const cells = tableLines(benchSummary(serviceBenchResult())).map((line) =>
      line.map((cell) => cell.trim()),
    );
    expect(cells).toContainEqual(["p99&lt;50ms", "72.4ms", "❌ broken"]);
    expect(cells).toContainEqual(["errors&lt;1% (default)", "0.09%", "✅ kept"]);
    expect(cells).toContainEqual([
      "10.0.3.17:8080",
      "2.4.2-rc.1",
      "20,000",
      "33.3%",
      "❌ 20",
      "0",
      "128ms",
      "386ms",
      "976ms",
      "❌ slow",
    ]);
    expect(cells).toContainEqual(["10.0.4.4:8080", "–", "0", "0%", "0", "0", "–", "–", "–", "not used"]);
    expect(cells.flat()).toContain("503 Service Unavailable: no healthy upstream");
    expect(cells.flat()).toContain("**59,920**<br>99.87%");
  });

  it("says of thresholds in doubt that they are in doubt", () => {
    const summary = benchSummary(serviceBenchResult({ verdict: "INVALID" }));
    expect(summary).toContain("## ⚠️ INVALID");
    expect(summary).toContain("⚠️ broken, in doubt");
    expect(summary).not.toMatch(/[✅❌] (?:kept|broken)/u);
  });

  it("has no number where nothing was measured", () => {
    const summary = benchSummary(emptyBenchResult());
    expect(summary).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(summary).toContain("| **0/s**<br>of 1,000/s offered | **–** |");
    expectWhole(summary);
  });

  it("shows the search and the comparison where there are any", () => {
    const plain = benchSummary(benchResult());
    expect(plain).not.toMatch(/highest rate|Comparison|Instances|Runs/);
    const summary = benchSummary(benchResult({ findMax: findMaxResult(), comparison: comparisonResult() }));
    expect(summary).toContain("3,600/s held; more than that the target did not keep up with.");
    expect(summary).toMatch(/\| p99 \| 24\.8ms \| 27\.8ms \| \+12\.1% \| 0\.001 \| 4\.1% \| ❌ worse \|/);
    expectWhole(summary);
  });

  it("does not grow with the number of instances", () => {
    const [one] = serviceBenchResult().instances;
    if (one === undefined) throw new Error("no instance");
    const many = Array.from({ length: 5000 }, (_, index) => ({ ...one, endpoint: `h${index}:1` }));
    const summary = benchSummary(serviceBenchResult({ instances: many }));
    expect(summary).toMatch(/^And [\d,]+ more\.$/m);
    expect(summary.length).toBeLessThan(20_000);
  });

  it("shows texts as they are, whatever they say", () => {
    const summary = benchSummary(hostileBenchResult());
    expectWhole(summary);
    expect(summary.replaceAll("\n", "")).not.toMatch(/\p{Cc}|[\u202e\u2028]/u);
  });

  it("is whole with any text in it", () => {
    const text = fc.oneof(fc.string(), fc.constant(HOSTILE), fc.stringMatching(/^[`|\\<\n*_[\]#-]{0,12}$/));
    fc.assert(
      fc.property(text, text, (target, example) => {
        const errors = [{ kind: target, count: 1, example }];
        expectWhole(benchSummary(emptyBenchResult({ target, errors, reasons: [example] })));
      }),
      { numRuns: 300 },
    );
  });
});

describe("comparisonSummary", () => {
  it("has the changes first, then how sure they are", () => {
    const summary = comparisonSummary(comparisonResult());
    expect(summary).toMatch(/^## ❌ FAIL: Comparison of benchmarks\n\n`this branch against main` /);
    expect(summary).toContain(
      "**+12.1%**<br>worse | **+2.2%**<br>the same | **+6.3%**<br>better | **+0.03**<br>points, the same |",
    );
    expect(summary).toContain(
      "| error rate | 0.09% | 0.12% | +0.03 points | 1.000 | 0.2 points | the same |",
    );
    expectWhole(summary);
  });
});
