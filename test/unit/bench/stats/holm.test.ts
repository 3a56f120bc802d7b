import fc from "fast-check";
import { expect, it } from "vitest";
import { holm } from "../../../../src/core/bench/stats/holm.ts";

const ps = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

it.each([
  // The example of R's p.adjust(method = "holm"), worked by hand: 0.01 · 4, 0.02 · 3, 0.03 · 2, 0.04 · 1 and not below the one before.
  [
    [0.01, 0.02, 0.03, 0.04],
    [0.04, 0.06, 0.06, 0.06],
  ],
  [
    [0.04, 0.01, 0.03, 0.005],
    [0.06, 0.03, 0.06, 0.02],
  ],
  [
    [0.6, 0.5, 0.001],
    [1, 1, 0.003],
  ],
  [[0.03], [0.03]],
  [[], []],
])("adjusts %j to %j", (given, adjusted) => {
  const seen = holm(given);
  expect(seen).toHaveLength(adjusted.length);
  for (const [index, p] of adjusted.entries()) expect(seen[index]).toBeCloseTo(p, 12);
});

it("is never below p or above 1, keeps the order of p-values, and is at most what Bonferroni makes", () => {
  fc.assert(
    fc.property(ps, (given) => {
      const adjusted = holm(given);
      for (const [index, p] of given.entries()) {
        const own = adjusted[index] ?? Number.NaN;
        expect(own).toBeGreaterThanOrEqual(p);
        expect(own).toBeLessThanOrEqual(Math.min(1, p * given.length));
        for (const [other, q] of given.entries()) {
          if (q < p) expect(adjusted[other]).toBeLessThanOrEqual(own);
        }
      }
    }),
  );
});

it("rejects what the step-down procedure rejects, one by one", () => {
  fc.assert(
    fc.property(ps, (given) => {
      const alpha = 0.3;
      const rising = given.toSorted((x, y) => x - y);
      const firstKept = rising.findIndex((p, rank) => p * (rising.length - rank) >= alpha);
      const rejected = firstKept === -1 ? rising.length : firstKept;
      expect(holm(given).filter((p) => p < alpha)).toHaveLength(rejected);
    }),
  );
});
