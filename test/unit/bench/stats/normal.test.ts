import fc from "fast-check";
import { expect, it } from "vitest";
import { normalQuantile, normalUpperTail } from "../../../../src/core/bench/stats/normal.ts";

it.each([
  [0.5, 0],
  [0.9, 1.281_551_565_5],
  [0.975, 1.959_963_984_5],
  [0.995, 2.575_829_303_5],
  [0.001, -3.090_232_306_2],
  [1e-10, -6.361_340_902_4],
  [1e-20, -9.262_340_089_8],
])("has the quantile of the tables at %d", (p, z) => {
  expect(normalQuantile(p)).toBeCloseTo(z, 5);
});

it.each([
  [0, 0.5],
  [1, 0.158_655_253_9],
  [1.96, 0.024_997_895_1],
  [3, 0.001_349_898],
  [-1, 0.841_344_746_1],
])("has the tail of the tables above %d", (z, p) => {
  expect(normalUpperTail(z)).toBeCloseTo(p, 9);
});

it.each([
  [5, 2.866_515_718_8e-7],
  [7, 1.279_812_543_9e-12],
  [8, 6.220_960_574_3e-16],
  [20, 2.753_624_118_6e-89],
])("is right also far out, above %d", (z, p) => {
  expect(normalUpperTail(z) / p).toBeCloseTo(1, 7);
});

it("turns one into the other", () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-12, max: 0.5, noNaN: true }), (p) => {
      expect(normalUpperTail(-normalQuantile(p)) / p).toBeCloseTo(1, 4);
      expect(normalQuantile(1 - p)).toBeCloseTo(-normalQuantile(p), p < 1e-6 ? 2 : 6);
    }),
  );
});

it("defines the ends, and what is outside", () => {
  expect([0, 1, -0.1, 1.1, Number.NaN].map(normalQuantile)).toEqual([
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NaN,
    Number.NaN,
    Number.NaN,
  ]);
  expect([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 60].map(normalUpperTail)).toEqual([0, 1, 0]);
  expect(normalUpperTail(Number.NaN)).toBeNaN();
});
