import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fewestRuns, mannWhitney, smallestP } from "../../../../src/core/bench/stats/mann-whitney.ts";
import { normalUpperTail } from "../../../../src/core/bench/stats/normal.ts";
import { seededRandom } from "../../../../src/core/util/seeded-random.ts";

/** Two samples without ties in which `u` pairs have the larger value in the first. */
function samplesWithU(n: number, m: number, u: number): readonly [readonly number[], readonly number[]] {
  const a = Array.from({ length: n }, (_, index) => {
    const beaten = Math.max(0, Math.min(m, u - index * m));
    return beaten + index / 1000;
  });
  return [a, Array.from({ length: m }, (_, index) => index + 0.5)];
}

/** Of all ways to choose the first sample from both, those at least as far from the middle. */
function byEnumeration(a: readonly number[], b: readonly number[]): number {
  const all = [...a, ...b];
  const uOf = (chosen: ReadonlySet<number>) =>
    all.reduce(
      (sum, x, i) =>
        sum +
        (chosen.has(i)
          ? all.reduce((part, y, j) => part + (chosen.has(j) ? 0 : (Math.sign(x - y) + 1) / 2), 0)
          : 0),
      0,
    );
  const middle = (a.length * b.length) / 2;
  const least = Math.abs(uOf(new Set(a.keys())) - middle);
  let [far, count] = [0, 0];
  const choose = (from: number, chosen: readonly number[]): void => {
    if (chosen.length === a.length) {
      count += 1;
      if (Math.abs(uOf(new Set(chosen)) - middle) >= least) far += 1;
      return;
    }
    for (let next = from; next < all.length; next += 1) choose(next + 1, [...chosen, next]);
  };
  choose(0, []);
  return far / count;
}

// Critical values of U, two-sided: Milton, "An extended table of critical values for the Mann-Whitney (Wilcoxon) two-sample
// statistic", JASA 59 (1964), as textbooks have them.
const CRITICAL: Readonly<Record<string, readonly (readonly [n: number, m: number, u: number])[]>> = {
  "0.05": [
    [4, 4, 0],
    [4, 5, 1],
    [4, 10, 5],
    [5, 5, 2],
    [5, 8, 6],
    [5, 20, 20],
    [6, 6, 5],
    [6, 9, 10],
    [7, 7, 8],
    [7, 12, 18],
    [8, 8, 13],
    [8, 20, 41],
    [9, 9, 17],
    [9, 15, 34],
    [10, 10, 23],
    [10, 13, 33],
    [12, 12, 37],
    [13, 16, 59],
    [15, 15, 64],
    [17, 17, 87],
    [18, 20, 112],
    [20, 20, 127],
  ],
  "0.01": [
    [5, 5, 0],
    [5, 8, 2],
    [5, 10, 4],
    [6, 6, 2],
    [6, 9, 5],
    [7, 7, 4],
    [7, 10, 9],
    [8, 8, 7],
    [8, 10, 11],
    [9, 9, 11],
    [10, 10, 16],
    [20, 20, 105],
  ],
};

describe.each(Object.entries(CRITICAL))("at %s", (level, rows) => {
  it.each(rows)("has the critical value of the tables for n = %i and m = %i: %i", (n, m, critical) => {
    const alpha = Number(level);
    const [at, above] = [critical, critical + 1].map((u) => mannWhitney(...samplesWithU(n, m, u)));
    expect(at?.u).toBe(critical);
    expect(at?.p).toBeLessThanOrEqual(alpha);
    expect(above?.u).toBe(critical + 1);
    expect(above?.p).toBeGreaterThan(alpha);
  });
});

const value = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.double({ min: 0, max: 3, noNaN: true }));
const sample = fc.array(value, { minLength: 1, maxLength: 5 });

it("agrees with the enumeration of all choices, ties or none", () => {
  fc.assert(
    fc.property(sample, sample, (a, b) => {
      expect(mannWhitney(a, b).p).toBeCloseTo(byEnumeration(a, b), 12);
    }),
    { numRuns: 60 },
  );
});

it("is the same for both sides, and for what keeps the order", () => {
  const any = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(any, any, (a, b) => {
      const [one, other] = [mannWhitney(a, b), mannWhitney(b, a)];
      expect(other.p).toBe(one.p);
      expect(other.u).toBe(a.length * b.length - one.u);
      const scaled = mannWhitney(
        a.map((x) => 2 ** x),
        b.map((x) => 2 ** x),
      );
      expect(scaled).toEqual(one);
    }),
  );
});

it("gives an exact p that the normal distribution comes close to", () => {
  // The next term of its expansion, of a kurtosis of -0.09, is at most 0.0042.
  for (let u = 0; u <= 200; u += 1) {
    const exact = mannWhitney(...samplesWithU(20, 20, u)).p;
    const normal = 2 * normalUpperTail((200 - u - 0.5) / Math.sqrt((400 * 41) / 12));
    expect(Math.abs(exact - Math.min(1, normal)), `u = ${u}: ${exact}, ${normal}`).toBeLessThan(0.005);
  }
});

it("goes from exact to approximate without a step", () => {
  for (const share of [0.2, 0.3, 0.4]) {
    const [last, first] = [20, 25].map((m) => mannWhitney(...samplesWithU(20, m, 20 * m * share)).p);
    const [before, after] = [10, 15].map((m) => mannWhitney(...samplesWithU(20, m, 20 * m * share)).p);
    // p falls with every step of m, and no faster where it is approximated.
    expect(first).toBeLessThan(last ?? 0);
    expect((first ?? 0) / (last ?? 1)).toBeGreaterThan((after ?? 0) / (before ?? 1));
  }
});

// From scipy 1.17, mannwhitneyu(method="asymptotic").
it("corrects the approximation for ties and continuity", () => {
  const a = Array.from({ length: 25 }, (_, index) => index % 7);
  const b = Array.from({ length: 30 }, (_, index) => 2 + (index % 6));
  expect(mannWhitney(a, b)).toEqual({ u: 197.5, p: expect.closeTo(0.002_519_616_112_474_75, 12) });
});

it("keeps its level: of pairs that are alike, at most 5% have p < 0.05", () => {
  const random = seededRandom(1);
  const sides = Array.from({ length: 2000 }, () => Array.from({ length: 8 }, () => random() ** 3));
  const found = sides.filter((a, index) => mannWhitney(a, sides[(index + 1) % 2000] ?? []).p < 0.05).length;
  expect(found, `${found} of 2000`).toBeLessThan(120);
  expect(found, `${found} of 2000`).toBeGreaterThan(60);
});

it("defines what has nothing to rank", () => {
  expect(mannWhitney([], [])).toEqual({ u: 0, p: 1 });
  expect(mannWhitney([1, 2], [])).toEqual({ u: 0, p: 1 });
  expect(mannWhitney([7, 7, 7], [7, 7])).toEqual({ u: 3, p: 1 });
  expect(
    mannWhitney(
      Array.from({ length: 30 }, () => 7),
      Array.from({ length: 30 }, () => 7),
    ),
  ).toEqual({ u: 450, p: 1 });
  expect(mannWhitney([0, -0], [-0, 0])).toEqual({ u: 2, p: 1 });
  expect(
    mannWhitney(
      [1, 2, 3, 4, 5],
      Array.from({ length: 5 }, () => Number.POSITIVE_INFINITY),
    ).p,
  ).toBeCloseTo(2 / 252, 12);
  expect(() => mannWhitney([1, Number.NaN], [2])).toThrow(RangeError);
});

it("knows the smallest p that so many runs can give", () => {
  expect(smallestP(0, 5)).toBe(1);
  expect(smallestP(1, 1)).toBe(1);
  expect(smallestP(3, 3)).toBeCloseTo(0.1, 12);
  expect(smallestP(4, 4)).toBeCloseTo(2 / 70, 12);
  expect(smallestP(5, 5)).toBeCloseTo(2 / 252, 12);
  expect(smallestP(2, 20)).toBeCloseTo(2 / 231, 12);
  for (const [n, m] of [
    [1, 6],
    [4, 5],
    [20, 20],
    [20, 21],
    [30, 25],
  ] as const) {
    const apart = mannWhitney(
      Array.from({ length: n }, (_, index) => index),
      Array.from({ length: m }, (_, index) => 100 + index),
    );
    expect(apart.u).toBe(0);
    expect(smallestP(n, m)).toBeCloseTo(apart.p, 14);
  }
});

it("knows how many runs a side are needed for a p", () => {
  expect([0.5, 0.05, 0.0125, 0.01, 0.001].map(fewestRuns)).toEqual([2, 4, 5, 5, 7]);
  expect(fewestRuns(1e-30)).toBeLessThan(100);
  expect(fewestRuns(0)).toBe(Number.POSITIVE_INFINITY);
});
