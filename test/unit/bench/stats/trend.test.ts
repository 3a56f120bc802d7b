import fc from "fast-check";
import { expect, it } from "vitest";
import { median } from "../../../../src/core/bench/stats/median.ts";
import { trend } from "../../../../src/core/bench/stats/trend.ts";
import { seededRandom } from "../../../../src/core/util/seeded-random.ts";

function series(length: number, at: (index: number) => number): readonly number[] {
  return Array.from({ length }, (_, index) => at(index));
}

/** About normal, mean 0 and standard deviation 1. */
function normal(random: () => number): number {
  return Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, 0) - 6;
}

it("has the p and the change of a series worked by hand", () => {
  const { p, change, direction } = trend([10, 12, 11, 14, 14, 16], { alpha: 0.1 });
  // Of 15 pairs 13 rise, one falls, one is of equals: S = 12, its variance (6·5·17 - 2·1·9) / 18, z = 11 / 5.228 = 2.104.
  expect(p).toBeCloseTo(0.035_378, 6);
  // The middle one of the 15 slopes is 1 a slice, the median is 13, and from the first slice to the last are 5 steps.
  expect(change).toBeCloseTo(5 / 13, 12);
  expect(direction).toBe("rising");
});

it("sees a warm-up that still gets faster, and its size", () => {
  const random = seededRandom(4);
  const falling = series(30, (index) => 50 - index * 0.5 + normal(random));
  const seen = trend(falling);
  expect(seen.direction).toBe("falling");
  expect(seen.p).toBeLessThan(0.001);
  expect(seen.change).toBeGreaterThan(-0.4);
  expect(seen.change).toBeLessThan(-0.27);
  expect(trend(falling.toReversed())).toEqual({
    direction: "rising",
    p: seen.p,
    change: expect.closeTo(-seen.change, 12),
  });
  expect(trend(falling, { minChange: 0.5 }).direction).toBe("none");
});

it("sees no trend in noise, in what is constant, and in one slice gone astray", () => {
  const random = seededRandom(9);
  const found = series(500, () => {
    const noise = series(20, () => 50 + normal(random));
    return trend(noise).direction === "none" ? 0 : 1;
  }).filter((one) => one === 1).length;
  expect(found, `${found} of 500, at alpha 0.01`).toBeLessThanOrEqual(12);
  expect(trend(series(20, () => 5))).toEqual({ direction: "none", p: 1, change: 0 });
  expect(trend(series(20, (index) => (index === 19 ? 5000 : 50))).direction).toBe("none");
});

it("says nothing of fewer than six slices, and leaves out what is no number", () => {
  const none = { direction: "none", p: 1, change: 0 };
  expect(trend([])).toEqual(none);
  expect(trend([5, 4, 3, 2, 1])).toEqual(none);
  expect(trend([6, 5, 4, 3, 2, 1]).direction).toBe("falling");
  expect(trend([6, 5, Number.NaN, 4, 3, Number.POSITIVE_INFINITY, 2, 1])).toEqual(trend([6, 5, 4, 3, 2, 1]));
  expect(trend([5, 4, Number.NaN, 3, 2, 1])).toEqual(none);
});

it("has a change also where the median is 0", () => {
  expect(trend([-3, -2, -1, 1, 2, 3])).toMatchObject({ direction: "rising", change: 1 });
});

it("thins a day of seconds, and sees the same in it", () => {
  const random = seededRandom(2);
  const day = series(86_400, (index) => 100 - index / 2000 + 5 * normal(random));
  const seen = trend(day);
  expect(seen.direction).toBe("falling");
  expect(seen.change).toBeCloseTo(-43.2 / 78.4, 2);
});

it("does not depend on the unit", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 6, maxLength: 30 }),
      fc.constantFrom(2, 8, 1024),
      (values, factor) => {
        const scaled = trend(values.map((value) => value * factor));
        const seen = trend(values);
        expect(scaled.p).toBe(seen.p);
        expect(scaled.change).toBeCloseTo(seen.change, 10);
      },
    ),
  );
});

it("has the middle of values", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([10, 9, 100])).toBe(10);
  expect(median([])).toBeNaN();
});
