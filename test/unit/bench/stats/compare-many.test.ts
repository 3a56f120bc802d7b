import { describe, expect, it } from "vitest";
import type { BenchMode, ComparisonResult } from "../../../../src/core/bench/result.ts";
import { compareRuns } from "../../../../src/core/bench/stats/compare-runs.ts";
import { seededRandom } from "../../../../src/core/util/seeded-random.ts";
import { normalNoise, type Simulation, setup, side, simulateRuns, skewedNoise } from "./simulated-runs.ts";

type Counts = Readonly<Record<"FAIL" | "INVALID" | "PASS", number>> & { readonly text: string };

/** How often which verdict comes of seeded pairs. */
function verdicts(pairs: number, b: Simulation, mode: BenchMode = "rate"): Counts {
  const counts = { FAIL: 0, INVALID: 0, PASS: 0 };
  for (let seed = 1; seed <= pairs; seed += 1) counts[pair(seed, b, mode).verdict] += 1;
  return { ...counts, text: `of ${pairs}: ${JSON.stringify(counts)}` };
}

function pair(seed: number, b: Simulation, mode: BenchMode, minEffect = 0.05): ComparisonResult {
  const random = seededRandom(seed * 7919);
  const how = { setup: setup({ mode, rate: mode === "max" ? null : 1000 }) };
  return compareRuns({
    a: side("a.json", simulateRuns(random, { ...b, slowdown: 1 }), how),
    b: side("b.json", simulateRuns(random, b), how),
    minEffect,
    alpha: 0.05,
    isInterleaved: true,
  });
}

describe.each([
  { shape: "normal", noise: normalNoise },
  { shape: "skewed", noise: skewedNoise },
])("with $shape noise of 3%, 10 runs a side and an effect of 5%", ({ noise }) => {
  const simulation = { count: 10, variation: 0.03, noise };

  it("fails at most 16 of 200 comparisons of a thing with itself", () => {
    const seen = verdicts(200, simulation);
    expect(seen.FAIL, seen.text).toBeLessThanOrEqual(16);
    // And is of some use: half of them or so are found to be the same.
    expect(seen.PASS, seen.text).toBeGreaterThan(80);
  });

  it.each(["rate", "max"] as const)(
    "finds a slowdown of a tenth in at least 90 of 100 in %s mode",
    (mode) => {
      const seen = verdicts(100, { ...simulation, slowdown: 1.1 }, mode);
      expect(seen.FAIL, seen.text).toBeGreaterThanOrEqual(90);
      expect(seen.PASS, seen.text).toBe(0);
    },
  );

  it("has a false alarm of any kind in at most 5% of them or so, however small a change would matter", () => {
    const alarms = Array.from({ length: 200 }, (_, seed) => pair(seed, simulation, "rate", 0)).filter(
      ({ metrics }) => metrics.some(({ isJudged, adjustedP }) => isJudged && adjustedP < 0.05),
    ).length;
    expect(alarms, `${alarms} of 200`).toBeLessThanOrEqual(16);
    expect(alarms, `${alarms} of 200`).toBeGreaterThan(1);
  });

  it("fails none that got 10% faster", () => {
    const seen = verdicts(50, { ...simulation, slowdown: 1 / 1.1 });
    expect(seen.FAIL, seen.text).toBe(0);
  });
});

it("passes what is the same where the noise is small, and never passes where it is far too large", () => {
  const quiet = verdicts(100, { count: 10, variation: 0.01 });
  expect(quiet.PASS, quiet.text).toBe(100);
  const loud = verdicts(100, { count: 10, variation: 0.12 });
  expect(loud.PASS, loud.text).toBe(0);
  expect(loud.FAIL, loud.text).toBeLessThanOrEqual(8);
});

it("hardly ever passes a slowdown that is half as large again as the effect", () => {
  for (const noise of [normalNoise, skewedNoise]) {
    const seen = verdicts(100, { count: 10, variation: 0.03, slowdown: 1.075, noise });
    expect(seen.PASS, seen.text).toBeLessThanOrEqual(2);
  }
});
