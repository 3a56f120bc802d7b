import { describe, expect, it } from "vitest";
import { describeBench } from "../../../src/core/bench/report/describe-bench.ts";
import { describeComparison } from "../../../src/core/bench/report/describe-comparison.ts";
import type { ReportChart, ReportSection } from "../../../src/core/bench/report/report.ts";
import type { BenchResult } from "../../../src/core/bench/result.ts";
import {
  benchResult,
  comparisonResult,
  emptyBenchResult,
  findMaxResult,
  hostileBenchResult,
  serviceBenchResult,
} from "../../support/bench-result.ts";

function section(result: BenchResult, id: string): ReportSection {
  const found = describeBench(result).sections.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
}

function chart(result: BenchResult, id: string): ReportChart {
  const { chart: found } = section(result, id);
  if (found === null) throw new Error(`${id} has no chart`);
  return found;
}

const ids = (result: BenchResult) => describeBench(result).sections.map(({ id }) => id);

describe("describeBench", () => {
  it("leaves out what there is nothing to say of", () => {
    expect(ids(benchResult())).toEqual([
      "thresholds",
      "latency",
      "latency-over-time",
      "rate-over-time",
      "percentiles",
      "pacer-lag",
      "errors",
      "environment",
    ]);
    expect(ids(serviceBenchResult({ errors: [], thresholds: [] }))).toEqual([
      "latency",
      "latency-over-time",
      "rate-over-time",
      "percentiles",
      "instances",
      "environment",
    ]);
  });

  it("says how it was measured in one line", () => {
    expect(describeBench(benchResult())).toMatchObject({
      subject: "http://orders.internal:8080/v1/orders?limit=20",
      setup: "GET, open loop at 1,000/s, for 1m after 5s of warm-up, 2 workers, engine pacer",
      at: "2026-11-23 15:04:05 UTC",
      exit: 0,
    });
    const { setup } = benchResult();
    const other = { ...setup, durationMs: null, warmupMs: 0, workers: 1, connections: 1 };
    expect(describeBench(benchResult({ setup: other })).setup).toBe(
      "GET, open loop at 1,000/s, 1 connection, 1 worker, engine pacer",
    );
  });

  it("leaves a gap where nothing was answered, and no latency where nothing was measured", () => {
    const [first, second] = benchResult().series;
    if (first === undefined || second === undefined) throw new Error("no series");
    const series = [first, { ...second, ok: 0, p50: 0, p99: 0, max: 0 }];
    const [p50, p99, max] = chart(benchResult({ series }), "latency-over-time").series;
    expect([p50?.values[1], p99?.values[1], max?.values[1]]).toEqual([null, null, null]);
    expect(p50?.values[0]).toBeCloseTo(first.p50, 2);
    expect(section(benchResult({ series }), "latency-over-time").table.rows[1]).toEqual(["2", "–", "–", "–"]);
    const [speed] = describeBench(emptyBenchResult()).figures;
    expect(speed?.map(({ value }) => value)).toEqual(["0/s", "–", "–", "–", "–", "–"]);
  });

  it("counts per second, also in a slice that is shorter", () => {
    const [first] = benchResult().series;
    if (first === undefined) throw new Error("no series");
    const series = [{ ...first, atS: 0.5, seconds: 0.5, ok: 500, errors: 1 }];
    const { xs, series: lines } = chart(benchResult({ series }), "rate-over-time");
    expect(xs).toEqual([0.5]);
    expect(lines.map(({ label, values }) => [label, values[0]])).toEqual([
      ["ok", 1000],
      ["errors", 2],
      ["timeouts", 0],
      ["dropped", 0],
    ]);
  });

  it("starts on a logarithmic scale only where the usual would lie flat", () => {
    expect(chart(benchResult(), "latency-over-time").y.scale).toBe("log");
    const calm = benchResult().series.slice(0, 20);
    expect(chart(benchResult({ series: calm }), "latency-over-time").y.scale).toBe("linear");
  });

  it("puts percentiles where HdrHistogram does, and the longest at one in all", () => {
    const percentiles = [0, 50, 90, 99, 99.9, 99.99, 100].map((at) => [at, at] as const);
    const { xs, series } = chart(benchResult({ percentiles }), "percentiles");
    expect(xs).toEqual([1, 2, 10, 100, 1000, 10_000, 59_968]);
    expect(series[0]?.values.at(-1)).toBe(100);
    // A percentile that so few requests do not have is further right than the longest of them.
    const requests = { ...benchResult().requests, ok: 500, timeouts: 0 };
    expect(chart(benchResult({ percentiles, requests }), "percentiles").xs.at(-1)).toBe(10_000);
    expect(section(benchResult({ percentiles }), "percentiles").table.rows[4]).toEqual(["99.9%", "99.9ms"]);
  });

  it("marks the limits on latencies, and leaves other thresholds out", () => {
    expect(chart(benchResult(), "latency-over-time").marks).toEqual([
      { label: "p99<500ms", x: null, y: 500 },
      { label: "p50<20ms", x: null, y: 20 },
    ]);
    expect(chart(benchResult(), "percentiles").marks).toEqual([
      { label: "p99<500ms", x: 100, y: 500 },
      { label: "p50<20ms", x: 2, y: 20 },
    ]);
    expect(chart(benchResult(), "rate-over-time").marks).toEqual([
      { label: "offered 1,000/s", x: null, y: 1000 },
    ]);
    const lag = [{ expr: "lag.p99<1ms", value: 0.2, ok: true, isDefault: false }];
    expect(chart(benchResult({ thresholds: lag }), "pacer-lag").marks).toEqual([
      { label: "lag.p99<1ms", x: null, y: 1 },
    ]);
  });

  it("calls an instance slow by the median of those that were used", () => {
    const rows = section(serviceBenchResult(), "instances").table.rows;
    expect(rows.map((row) => row.at(-1))).toEqual([
      "",
      "",
      { text: "slow", tone: "bad" },
      { text: "not used", tone: "quiet" },
    ]);
  });

  it("orders the steps of a search by their rate in the chart, and by time in the table", () => {
    const result = benchResult({ findMax: findMaxResult() });
    const { xs, marks } = chart(result, "find-max");
    expect(xs).toEqual([500, 1000, 2000, 3000, 3500, 3600, 3750, 4000]);
    expect(marks).toEqual([{ label: "3,600/s held", x: 3600, y: null }]);
    expect(section(result, "find-max").table.rows[3]?.[0]).toBe("4,000/s");
    const none = { ...findMaxResult(), rate: 0 };
    expect(section(benchResult({ findMax: none }), "find-max").about).toBe("No rate held.");
  });

  it("shows one row in so many of a long run, and says so", () => {
    const { series } = benchResult();
    const long = Array.from({ length: 1201 }, () => series)
      .flat()
      .slice(0, 1201);
    const { table, chart: drawn } = section(benchResult({ series: long }), "latency-over-time");
    expect(table.rows.length).toBe(241);
    expect(table.note).toBe("One row in 5 of 1,201 is shown; --json and --save have all.");
    expect(drawn?.xs.length).toBe(1201);
  });

  it("lets no control character through", () => {
    const texts = JSON.stringify(describeBench(hostileBenchResult()));
    expect(texts).not.toMatch(/\\u00[01]|[\u202e\u2028]|\\ud800/);
  });
});

describe("describeComparison", () => {
  it("has a number for each metric", () => {
    const { figures, exit } = describeComparison(comparisonResult());
    expect(figures[0]?.map(({ label, value, note, tone }) => [label, value, note, tone])).toEqual([
      ["p50", "+0.9%", "the same", "quiet"],
      ["p90", "+6.1%", "cannot be said", "doubtful"],
      ["p99", "+12.1%", "worse", "bad"],
      ["mean", "+2.2%", "the same", "quiet"],
      ["rate", "+6.3%", "better", "good"],
      ["error rate", "+0.03", "points, the same", "quiet"],
    ]);
    expect(exit).toBe(99);
  });

  it("says nothing of a change from nothing", () => {
    const [p50] = comparisonResult().metrics;
    if (p50 === undefined) throw new Error("no metric");
    const metrics = [
      { ...p50, change: Number.NaN },
      { ...p50, change: Number.POSITIVE_INFINITY },
      { ...p50, change: 0 },
      { ...p50, change: -0.0001 },
      { ...p50, change: -0.05 },
    ];
    const [figures] = describeComparison(comparisonResult({ metrics })).figures;
    expect(figures?.map(({ value }) => value)).toEqual(["–", "–", "0.0%", "0.0%", "-5.0%"]);
  });
});
