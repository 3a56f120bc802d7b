import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { detectable, pooled, runsToShow, spread } from "../../../../src/core/bench/stats/detectable.ts";
import { mannWhitney } from "../../../../src/core/bench/stats/mann-whitney.ts";
import { seededRandom } from "../../../../src/core/util/seeded-random.ts";
import { normalNoise } from "./simulated-runs.ts";

const many = (length: number, one: () => number) => Array.from({ length }, one);

describe("spread", () => {
  it("is Gini's mean difference times √π/2", () => {
    // Differences of 1, 2, 4: 1, 3, 2; their mean is 2.
    expect(spread([4, 1, 2])).toBeCloseTo(Math.sqrt(Math.PI), 12);
    expect(spread([5, 5, 5])).toBe(0);
    expect(spread([5])).toBeNaN();
    expect(spread([])).toBeNaN();
  });

  it("is the standard deviation of normal values, also of few", () => {
    const random = seededRandom(5);
    const found = many(400, () => spread(many(5, () => 100 + 3 * normalNoise(random))));
    const mean = found.reduce((sum, one) => sum + one, 0) / found.length;
    expect(mean).toBeGreaterThan(2.85);
    expect(mean).toBeLessThan(3.15);
  });

  it("makes less of one value gone astray than the standard deviation, and grows with the unit", () => {
    const [quiet, astray] = [
      [10, 11, 12, 13, 14],
      [10, 11, 12, 13, 114],
    ];
    expect(spread(quiet)).toBeLessThan(2);
    expect(spread(astray)).toBeLessThan(40);
    expect(spread(quiet.map((value) => value * 7 + 3))).toBeCloseTo(spread(quiet) * 7, 12);
  });
});

it("takes two sides together by their number of runs, and only one where the other has too few", () => {
  expect(
    pooled([
      { spread: 3, n: 5 },
      { spread: 3, n: 9 },
    ]),
  ).toBeCloseTo(3, 12);
  expect(
    pooled([
      { spread: 1, n: 2 },
      { spread: 3, n: 4 },
    ]),
  ).toBeCloseTo(Math.sqrt((1 + 3 * 9) / 4), 12);
  expect(
    pooled([
      { spread: Number.NaN, n: 1 },
      { spread: 3, n: 4 },
    ]),
  ).toBe(3);
  expect(pooled([{ spread: Number.NaN, n: 1 }])).toBeNaN();
});

describe("detectable", () => {
  it("is what the formula says", () => {
    // (1.95996 + 1.28155) · 0.03 · √(2/20) / √(3/π) · (1 + 1/18)
    expect(detectable(0.03, { n: 20, m: 20, alpha: 0.05 })).toBeCloseTo(0.033_218, 5);
  });

  it.each([
    [5, 0.05],
    [5, 0.0125],
    [7, 0.0125],
    [10, 0.0125],
    [20, 0.05],
  ])("is found 9 times in 10 with %i runs a side at %d", (n, alpha) => {
    const random = seededRandom(n);
    const change = detectable(1, { n, m: n, alpha });
    const found = many(300, () => {
      const a = many(n, () => normalNoise(random));
      return mannWhitney(
        a,
        many(n, () => change + normalNoise(random)),
      ).p < alpha
        ? 1
        : 0;
    }).filter((one) => one === 1).length;
    expect(found, `${found} of 300`).toBeGreaterThan(255);
    expect(found, `${found} of 300`).toBeLessThan(298);
  });

  it("falls with more runs, grows with noise and with a stricter alpha", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 60 }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        (n, noise) => {
          const at = (runs: number, alpha = 0.02) => detectable(noise, { n: runs, m: runs, alpha });
          expect(at(n + 1)).toBeLessThan(at(n));
          expect(at(n, 0.01)).toBeGreaterThan(at(n));
          expect(detectable(2 * noise, { n, m: n, alpha: 0.02 })).toBeCloseTo(2 * at(n), 12);
          expect(detectable(noise, { n, m: n + 9, alpha: 0.02 })).toBe(
            detectable(noise, { n: n + 9, m: n, alpha: 0.02 }),
          );
        },
      ),
    );
  });

  it("is defined without noise, of unknown noise, and with too few runs", () => {
    expect(detectable(0, { n: 10, m: 10, alpha: 0.05 })).toBe(0);
    expect(detectable(Number.NaN, { n: 10, m: 10, alpha: 0.05 })).toBe(Number.POSITIVE_INFINITY);
    expect(detectable(0, { n: 4, m: 4, alpha: 0.0125 })).toBe(Number.POSITIVE_INFINITY);
    expect(detectable(0.1, { n: 0, m: 9, alpha: 0.05 })).toBe(Number.POSITIVE_INFINITY);
    expect(detectable(1, { n: 2, m: 30, alpha: 0.0125 })).toBeGreaterThan(0);
  });
});

it("says how many runs show an effect", () => {
  const runs = runsToShow(0.05, 0.03, 0.0125);
  expect(runs).toBe(14);
  expect(detectable(0.03, { n: runs, m: runs, alpha: 0.0125 })).toBeLessThanOrEqual(0.05);
  expect(detectable(0.03, { n: runs - 1, m: runs - 1, alpha: 0.0125 })).toBeGreaterThan(0.05);
  expect(runsToShow(0.05, 0, 0.05)).toBe(4);
  expect(runsToShow(0.0001, 0.5, 0.05)).toBe(Number.POSITIVE_INFINITY);
  expect(runsToShow(0.05, Number.NaN, 0.05)).toBe(Number.POSITIVE_INFINITY);
});
