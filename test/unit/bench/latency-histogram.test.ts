import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { Histograms, type LatencyHistogram } from "../../../src/core/bench/latency-histogram.ts";
import { distributionOf } from "../../../src/core/bench/run/distribution.ts";

let histograms: Histograms;
beforeAll(async () => {
  histograms = await Histograms.load();
});

function of(times: readonly number[]): LatencyHistogram {
  const made = histograms.create();
  for (const time of times) made.record(time);
  return made;
}

const times = fc.array(fc.double({ min: 0.001, max: 100_000, noNaN: true }), {
  minLength: 1,
  maxLength: 200,
});

describe("a histogram of times", () => {
  it("knows each percentile to a thousandth, and the longest time exactly", () => {
    fc.assert(
      fc.property(times, fc.double({ min: 0, max: 100, noNaN: true }), (all, percentile) => {
        const sorted = all.toSorted((a, b) => a - b);
        const rank = Math.max(1, Math.ceil((percentile / 100) * sorted.length - 1e-9));
        const truth = sorted[rank - 1] ?? 0;
        const seen = of(all).percentile(percentile);
        // Three digits, and a microsecond where there are fewer.
        expect(Math.abs(seen - truth)).toBeLessThanOrEqual(truth / 500 + 0.0011);
        expect(of(all).max).toBe(sorted.at(-1));
      }),
    );
  });

  it("is the same after it was added up, and after a journey", () => {
    fc.assert(
      fc.property(times, times, (left, right) => {
        const sum = histograms.create();
        for (const part of [left, right]) sum.add(histograms.decode(of(part).encode()));
        const whole = of([...left, ...right]);
        expect(sum.count).toBe(whole.count);
        for (const percentile of [0, 50, 90, 99, 100])
          expect(sum.percentile(percentile)).toBeCloseTo(
            whole.percentile(percentile),
            -Math.log10(whole.max / 200),
          );
      }),
      { numRuns: 30 },
    );
  });

  it("counts what is outside of it at its ends", () => {
    const histogram = of([0, 1e12]);
    expect(histogram.percentile(0)).toBe(0.001);
    expect(histogram.percentile(100)).toBeCloseTo(3_600_000, -5);
  });

  it("is nothing when it is empty", () => {
    const empty = histograms.decode(histograms.create().encode());
    expect([empty.count, empty.mean, empty.max, empty.percentile(99)]).toEqual([0, 0, 0, 0]);
  });
});

describe("a distribution", () => {
  it("has all of it, in no more than 16 parts", () => {
    fc.assert(
      fc.property(times, (all) => {
        const parts = distributionOf(of(all));
        expect(parts.length).toBeLessThanOrEqual(16);
        expect(parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
        expect(parts.at(-1)?.upToMs).toBeGreaterThanOrEqual(Math.max(...all) * 0.999);
      }),
    );
  });

  it("shows two groups as two", () => {
    const parts = distributionOf(of([...Array(75).fill(1.1), ...Array(25).fill(90)]));
    expect(parts.filter(({ share }) => share > 0)).toEqual([
      { upToMs: 1.5, share: 0.75 },
      { upToMs: 100, share: 0.25 },
    ]);
  });

  it("of nothing is empty", () => expect(distributionOf(histograms.create())).toEqual([]));
});
