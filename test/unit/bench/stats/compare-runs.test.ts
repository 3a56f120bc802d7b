import { describe, expect, it } from "vitest";
import type { RunStatistics } from "../../../../src/core/bench/result.ts";
import type { ComparedSide } from "../../../../src/core/bench/stats/comparable.ts";
import { type CompareRunsOptions, compareRuns } from "../../../../src/core/bench/stats/compare-runs.ts";
import { environment, setup, side } from "./simulated-runs.ts";

const BASE: RunStatistics = { p50: 12, p90: 25, p99: 41, mean: 15, rate: 1000, errorRate: 0 };

/** Runs around these values, that differ by up to 1% from each other. */
function runs(count: number, over: Partial<RunStatistics> = {}): readonly RunStatistics[] {
  return Array.from({ length: count }, (_, index) => {
    const factor = 1 + ((((index * 7) % count) + 0.5) / count - 0.5) / 50;
    const { errorRate, ...rest } = { ...BASE, ...over };
    const scaled = Object.entries(rest).map(([metric, value]) => [metric, value * factor]);
    return { ...(Object.fromEntries(scaled) as Omit<RunStatistics, "errorRate">), errorRate };
  });
}

function withErrors(rates: readonly number[]): readonly RunStatistics[] {
  return runs(rates.length).map((run, index) => ({ ...run, errorRate: rates[index] ?? 0 }));
}

function compare(
  a: readonly RunStatistics[],
  b: readonly RunStatistics[],
  over: Partial<CompareRunsOptions> = {},
) {
  return compareRuns({
    a: side("base.json", a),
    b: side("now.json", b),
    minEffect: 0.05,
    alpha: 0.05,
    isInterleaved: true,
    ...over,
  });
}

function outcomes({ metrics }: ReturnType<typeof compareRuns>): Readonly<Record<string, string>> {
  return Object.fromEntries(metrics.map(({ metric, outcome }) => [metric, outcome]));
}

const MAX = { setup: setup({ mode: "max", engine: "autocannon", rate: null, connections: 50 }) };

it("passes what is the same, and says by how much it differs", () => {
  const seen = compare(runs(10), runs(10, { p99: 41.2 }));
  expect(seen).toMatchObject({
    verdict: "PASS",
    reasons: ["nothing got worse by 5% or more: p50 0%, p99 +0.488%, the rate 0%, the error rate 0% → 0%"],
    notes: ["p90 and the mean are shown, and not judged"],
    minEffect: 0.05,
    alpha: 0.05,
    a: { name: "base.json" },
    b: { name: "now.json" },
  });
  expect(seen.metrics.map(({ metric, isJudged }) => [metric, isJudged])).toEqual([
    ["p50", true],
    ["p99", true],
    ["rate", true],
    ["errorRate", true],
    ["p90", false],
    ["mean", false],
  ]);
  expect(outcomes(seen)).toEqual({
    p50: "same",
    p90: "same",
    p99: "same",
    mean: "same",
    rate: "same",
    errorRate: "same",
  });
});

it("fails what is slower, in words for an operator", () => {
  const seen = compare(runs(10), runs(10, { p99: 46 }));
  expect(seen.verdict).toBe("FAIL");
  expect(seen.reasons).toEqual(["p99 is 12% slower (41 → 46 ms, p < 0.001)"]);
  const p99 = seen.metrics.find(({ metric }) => metric === "p99");
  expect(p99).toMatchObject({ a: expect.closeTo(41, 1), b: expect.closeTo(46, 1), outcome: "worse" });
  expect(p99?.change).toBeCloseTo(5 / 41, 2);
  // Three metrics are tested: the error rate is 0 in all runs.
  expect(p99?.adjustedP).toBeCloseTo(3 * (p99?.p ?? 0), 12);
});

it("names the worst first, and what got better", () => {
  const seen = compare(runs(10), runs(10, { p50: 13, rate: 500, p99: 20 }));
  expect(seen.verdict).toBe("FAIL");
  expect(seen.reasons).toEqual([
    "the rate is 50% lower (1,000 → 500 per second, p < 0.001)",
    "p50 is 8.3% slower (12 → 13 ms, p < 0.001)",
    "p99 is 51% faster (41 → 20 ms, p < 0.001)",
  ]);
});

it("passes what got better, and says so", () => {
  const seen = compare(runs(10), runs(10, { p50: 6, rate: 1200 }));
  expect(seen.verdict).toBe("PASS");
  expect(seen.reasons.slice(1)).toEqual([
    "p50 is 50% faster (12 → 6 ms, p < 0.001)",
    "the rate is 20% higher (1,000 → 1,200 per second, p < 0.001)",
  ]);
});

it("does not fail what is significant, and smaller than what matters", () => {
  const seen = compare(runs(10), runs(10, { p99: 41 * 1.04 }));
  expect(seen.verdict).toBe("PASS");
  expect(seen.metrics.find(({ metric }) => metric === "p99")).toMatchObject({ outcome: "same" });
  expect(compare(runs(10), runs(10, { p99: 41 * 1.04 }), { minEffect: 0.03 }).verdict).toBe("FAIL");
});

it("has no verdict where the noise is above what matters, and says how many runs would do", () => {
  const loud = runs(10).map((run, index) => ({ ...run, p99: 41 + 4 * ((index * 3) % 10) }));
  const seen = compare(loud, [...loud].reverse());
  expect(seen.verdict).toBe("INVALID");
  expect(seen.reasons).toHaveLength(1);
  expect(seen.reasons[0]).toMatch(
    /^p99 0% is unclear: the runs of one side differ too much among themselves to tell a change of 5%; so many runs show one of 42\.\d%, and for 5% about \d{3} a side are needed$/,
  );
  expect(outcomes(seen)).toMatchObject({ p99: "unclear", p50: "same" });
  // What is clearly worse is worse, whatever else is unclear.
  const worse = compare(
    loud,
    loud.map((run) => ({ ...run, p50: run.p50 * 1.2 })),
  );
  expect(worse.verdict).toBe("FAIL");
  expect(worse.reasons[0]).toMatch(/^p50 is 20% slower/);
  expect(worse.reasons[1]).toMatch(/^p99 0% is unclear/);
});

it("does not say that nothing got worse by the effect of what did, and may be chance", () => {
  const steps = [-3, -2, -2, -1, -1, 1, 1, 2, 2, 3];
  const b = steps.map((step) => ({ ...BASE, p99: 41 * (1 + 0.025 * step) }));
  const a = steps.map((step) => ({ ...BASE, p99: 41 * (1 + 0.025 * (step - 1.7)) * 0.999 }));
  const seen = compare(a, b, { minEffect: 0.04 });
  expect(seen.verdict).toBe("INVALID");
  expect(seen.reasons[0]).toMatch(
    /^p99 \+4\.\d+% is unclear: it is as large as what matters \(4%\), and may be chance \(p = 0\.\d+\); so many runs show/,
  );
});

it.each([0.963, 1.037])(
  "has no verdict while a change as large as asked for is not ruled out both ways: %d",
  (factor) => {
    const steps = [-3, -2, -2, -1, -1, 1, 1, 2, 2, 3];
    const at = (by: number) => steps.map((step) => ({ ...BASE, p99: 41 * by * (1 + 0.0173 * step) }));
    expect(outcomes(compare(at(1), at(1.0001)))).toMatchObject({ p99: "same" });
    expect(outcomes(compare(at(1), at(factor)))).toMatchObject({ p99: "unclear" });
  },
);

describe("with errors", () => {
  it("fails when one request in a hundred fails that did not", () => {
    const seen = compare(runs(10), runs(10, { errorRate: 0.01 }));
    expect(seen.verdict).toBe("FAIL");
    expect(seen.reasons).toEqual(["more requests fail: 0% → 1% (p < 0.001)"]);
    expect(seen.metrics.find(({ metric }) => metric === "errorRate")?.change).toBeCloseTo(0.01, 12);
    expect(compare(runs(10, { errorRate: 0.01 }), runs(10)).reasons.at(-1)).toBe(
      "fewer requests fail: 1% → 0% (p < 0.001)",
    );
  });

  it("does not mind fewer than one in a thousand, and of many errors as much as the effect", () => {
    expect(compare(runs(10), runs(10, { errorRate: 0.0009 })).verdict).toBe("PASS");
    expect(compare(runs(10), runs(10, { errorRate: 0.0011 })).verdict).toBe("FAIL");
    expect(compare(runs(10, { errorRate: 0.2 }), runs(10, { errorRate: 0.209 })).verdict).toBe("PASS");
    expect(compare(runs(10, { errorRate: 0.2 }), runs(10, { errorRate: 0.211 })).verdict).toBe("FAIL");
  });

  it("sees errors that come in some runs only, where the median of the runs has none", () => {
    const some = Array.from({ length: 20 }, (_, index) => (index % 5 < 2 ? 0.05 : 0));
    const seen = compare(runs(20), withErrors(some));
    expect(seen.verdict).toBe("FAIL");
    expect(seen.reasons).toEqual(["more requests fail: 0% → 2% (p = 0.0131)"]);
  });

  it("has no verdict of one run in which everything failed: it may be chance", () => {
    const seen = compare(runs(10), withErrors([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    expect(seen.verdict).toBe("INVALID");
    expect(outcomes(seen)).toMatchObject({ errorRate: "unclear" });
    // Ranks alone would rule a rise by a hundredth out: 9 of 10 runs are as they were.
    const many = Array.from({ length: 10 }, (_, index) => 0.2 + index / 1e6);
    const wild = many.map((rate, index) => (index === 3 ? 0.29 : rate));
    expect(outcomes(compare(withErrors(many), withErrors(wild)))).toMatchObject({ errorRate: "unclear" });
    // Most runs have fewer errors, and the mean has more: neither better nor worse.
    const mixed = compare(
      withErrors(Array.from({ length: 10 }, (_, index) => 0.001 + index / 1e5)),
      withErrors([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    );
    expect(outcomes(mixed)).toMatchObject({ errorRate: "unclear" });
    expect(mixed.reasons[0]).toMatch(
      /^the error rate 0\.105% → 10% is unclear: it comes from a few runs, and most say the opposite; so many/,
    );
  });
});

describe("in max mode", () => {
  const max = (a: readonly RunStatistics[], b: readonly RunStatistics[]) =>
    compare(a, b, { a: side("base.json", a, MAX), b: side("now.json", b, MAX) });

  it("judges the rate and errors, and shows latencies", () => {
    const slower = max(runs(10), runs(10, { p50: 20, p99: 90 }));
    expect(slower.verdict).toBe("PASS");
    expect(slower.notes).toEqual([
      "p50, p90, p99 and the mean are shown, and not judged: in max mode latencies are those of a saturated target",
    ]);
    const p99 = slower.metrics.find(({ metric }) => metric === "p99");
    expect(p99).toMatchObject({ outcome: "worse", isJudged: false });
    expect(p99?.adjustedP).toBe(p99?.p);
    expect(slower.metrics.slice(0, 2).map(({ metric }) => metric)).toEqual(["rate", "errorRate"]);
    expect(max(runs(10), runs(10, { rate: 900 })).reasons).toEqual([
      "the rate is 10% lower (1,000 → 900 per second, p < 0.001)",
    ]);
  });
});

describe("with few runs", () => {
  it.each([
    [
      4,
      4,
      "too few runs: 4 runs a side can give p = 0.029 at best, which is 0.11 over the 4 metrics that are judged, and must be below 0.05: at least 5 runs a side are needed",
    ],
    [
      1,
      1,
      "too few runs: 1 run a side can give p = 1 at best, which is 1 over the 4 metrics that are judged, and must be below 0.05: at least 5 runs a side are needed",
    ],
    [
      3,
      6,
      "too few runs: 3 runs of A and 6 of B can give p = 0.024 at best, which is 0.095 over the 4 metrics that are judged, and must be below 0.05: at least 5 runs a side are needed",
    ],
  ])("has no verdict of %i and %i, however far apart they are", (n, m, reason) => {
    const seen = compare(runs(n), runs(m, { p50: 100, p99: 900, rate: 3, errorRate: 0.9 }));
    expect(seen).toMatchObject({ verdict: "INVALID", reasons: [reason] });
    expect(Object.values(outcomes(seen)).every((outcome) => outcome === "unclear")).toBe(true);
    expect(JSON.parse(JSON.stringify(seen))).toEqual(seen);
  });

  it("needs as many as it says", () => {
    const apart = { p50: 100, p99: 900, rate: 3, errorRate: 0.9 };
    expect(compare(runs(5), runs(5, apart)).verdict).toBe("FAIL");
    expect(compare(runs(5), runs(5, apart), { alpha: 0.01 }).reasons[0]).toMatch(/at least 6 runs a side/);
    expect(compare(runs(6), runs(6, apart), { alpha: 0.01 }).verdict).toBe("FAIL");
    expect(compare(runs(3), runs(12, apart)).verdict).toBe("FAIL");
  });

  it("has no verdict without any", () => {
    expect(compare([], runs(5))).toMatchObject({
      verdict: "INVALID",
      reasons: ["A (base.json) has no runs"],
      metrics: [],
    });
    expect(compare([], []).reasons).toEqual(["A (base.json) has no runs", "B (now.json) has no runs"]);
  });
});

describe("never compares what was measured in another way", () => {
  const against = (over: Partial<ComparedSide>) =>
    compare(runs(10), runs(10, { p99: 90 }), { b: side("now.json", runs(10, { p99: 90 }), over) });

  it.each([
    [setup({ engine: "loop" }), "A and B differ in engine: pacer in A (base.json), loop in B (now.json)"],
    [setup({ operation: "POST" }), "A and B differ in operation: GET in A (base.json), POST in B (now.json)"],
    [setup({ workers: 2 }), "A and B differ in workers: 1 in A (base.json), 2 in B (now.json)"],
    [
      setup({ rate: 500 }),
      "A and B differ in rate: 1000 per second in A (base.json), 500 per second in B (now.json)",
    ],
    [
      setup({ connections: 10 }),
      "A and B differ in connections: as many as it takes in A (base.json), 10 in B (now.json)",
    ],
  ])("%o", (other, reason) => {
    const seen = against({ setup: other });
    expect(seen).toMatchObject({ verdict: "INVALID", reasons: [reason], metrics: [] });
  });

  it("names every field that differs", () => {
    const seen = against(MAX);
    expect(seen.reasons.map((reason) => reason.split(":")[0])).toEqual([
      "A and B differ in engine",
      "A and B differ in mode",
      "A and B differ in rate",
      "A and B differ in connections",
    ]);
  });

  it("or on another machine", () => {
    const other = environment({ fingerprint: "ffff", host: "ci-2", cpu: "Xeon", cores: 8 });
    expect(against({ environment: other })).toMatchObject({
      verdict: "INVALID",
      reasons: [
        "A (base.json) was measured on another machine than B (now.json): ci-1 (EPYC, 2 cores, linux 6.8, fingerprint 6f1c0a); ci-2 (Xeon, 8 cores, linux 6.8, fingerprint ffff)",
      ],
      metrics: [],
    });
    expect(against({ environment: environment({ host: "renamed", gitSha: "abc" }) }).verdict).toBe("FAIL");
  });
});

it("notes what may explain a difference", () => {
  const seen = compare(runs(10), runs(10), {
    isInterleaved: false,
    b: side("now.json", runs(10), {
      environment: environment({ dcs: "0.2.0", node: "26.1.0" }),
      setup: setup({ durationMs: null, warmupMs: 0 }),
    }),
  });
  expect(seen.verdict).toBe("PASS");
  expect(seen.notes).toEqual([
    "the runs of A and B were not interleaved: what changed on the machine between them is in the difference",
    "A was measured with dcs 0.1.0, B with dcs 0.2.0",
    "A was measured with Node 24.21.0, B with Node 26.1.0",
    "A was measured with runs of 10s, B with runs of a number of requests",
    "A was measured with a warm-up of 2s, B with a warm-up of 0ms",
    "p90 and the mean are shown, and not judged",
  ]);
});

describe("with odd values", () => {
  it("passes what has no variance at all and is the same, and fails it when it is not", () => {
    const still = Array.from({ length: 10 }, () => BASE);
    const same = compare(still, still);
    expect(same.verdict).toBe("PASS");
    expect(same.metrics[0]).toMatchObject({ change: 0, p: 1, adjustedP: 1, detectable: 0, outcome: "same" });
    expect(
      compare(
        still,
        still.map((run) => ({ ...run, p50: 13 })),
      ).reasons[0],
    ).toBe("p50 is 8.3% slower (12 → 13 ms, p < 0.001)");
  });

  it("has no verdict of a metric that is not a number", () => {
    const broken = runs(10).map((run, index) => (index === 3 ? { ...run, p99: Number.NaN } : run));
    for (const seen of [compare(broken, runs(10)), compare(runs(10), broken)]) {
      expect(seen.verdict).toBe("INVALID");
      expect(seen.reasons[0]).toMatch(/^p99 cannot be compared: 1 of 10 runs of [AB] have no answers/);
      expect(outcomes(seen)).toMatchObject({ p99: "unclear", p50: "same" });
      expect(JSON.parse(JSON.stringify(seen.metrics))).toEqual(seen.metrics);
    }
    const unjudged = runs(10).map((run) => ({ ...run, mean: Number.NaN }));
    expect(compare(unjudged, unjudged).verdict).toBe("PASS");
  });

  it("does not take the 0 of runs without answers for a low latency", () => {
    const dead = runs(10, { p50: 0, p90: 0, p99: 0, mean: 0, rate: 0, errorRate: 1 });
    const seen = compare(runs(10), dead);
    expect(seen.verdict).toBe("FAIL");
    expect(seen.reasons[0]).toBe("more requests fail: 0% → 100% (p < 0.001)");
    expect(outcomes(seen)).toMatchObject({ p50: "unclear", rate: "worse", errorRate: "worse" });
    const back = compare(dead, runs(10));
    expect(back.verdict).toBe("INVALID");
    expect(back.reasons).toContain("the rate cannot be compared: most runs of A were not answered at all");
    expect(compare(dead, dead).verdict).toBe("INVALID");
    expect(JSON.parse(JSON.stringify([seen, back]))).toEqual([seen, back]);
  });

  it("refuses an alpha or an effect that are none", () => {
    for (const alpha of [0, 1, -1, Number.NaN]) {
      expect(() => compare(runs(5), runs(5), { alpha })).toThrow(RangeError);
    }
    for (const minEffect of [-0.1, Number.NaN]) {
      expect(() => compare(runs(5), runs(5), { minEffect })).toThrow(RangeError);
    }
    expect(compare(runs(10), runs(10), { minEffect: 0 }).verdict).toBe("INVALID");
  });
});
