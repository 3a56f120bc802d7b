import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Candidate, createPicker } from "../../src/core/traffic/picker.ts";
import { reduceWeights } from "../../src/core/traffic/weights.ts";

const list = (...weights: readonly number[]): readonly Candidate[] =>
  weights.map((weight, index) => ({ id: String.fromCodePoint(97 + index), weight }));
const wrr = (candidates: readonly Candidate[], phase = 0) => createPicker("wrr", candidates, { phase });
const word = (picks: readonly Candidate[]) => picks.map((one) => one.id).join("");
const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

function count(picks: readonly Candidate[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { id } of picks) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

const someWeights = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 8 });
const somePhase = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("smooth weighted round robin", () => {
  test("gives nginx's sequences", () => {
    expect(word(wrr(list(5, 1, 1)).pickMany(14))).toBe("aabacaaaabacaa");
    expect(word(wrr(list(1, 1, 1)).pickMany(6))).toBe("abcabc");
    expect(word(wrr(list(4, 2)).pickMany(6))).toBe("abaaba");
  });

  test("starts at the phase", () => {
    expect(word(wrr(list(5, 1, 1), 2 / 7 + 1e-9).pickMany(7))).toBe("bacaaaa");
  });

  test("picks each exactly its weight over a period, from any phase", () => {
    fc.assert(
      fc.property(someWeights, somePhase, fc.nat(50), (weights, phase, skip) => {
        const picker = wrr(list(...weights), phase);
        picker.pickMany(skip);
        const counts = count(picker.pickMany(sum(reduceWeights(weights))));
        const expected = reduceWeights(weights);
        list(...weights).forEach(({ id }, index) => {
          expect(counts.get(id) ?? 0).toBe(expected[index]);
        });
      }),
    );
  });

  test("is the same for weights with a common divisor", () => {
    fc.assert(
      fc.property(someWeights, fc.integer({ min: 1, max: 1000 }), somePhase, (weights, factor, phase) => {
        const scaled = weights.map((weight) => weight * factor);
        expect(word(wrr(list(...scaled), phase).pickMany(60))).toBe(
          word(wrr(list(...weights), phase).pickMany(60)),
        );
      }),
    );
  });

  test("spreads: any run of picks is within one of its share for two candidates", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 30 }),
        fc.nat(90),
        (a, b, length) => {
          const picked = count(wrr(list(a, b)).pickMany(length)).get("a") ?? 0;
          expect(Math.abs(picked - (length * a) / (a + b))).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test("keeps its place when the same list comes again, or one of the same proportions", () => {
    fc.assert(
      fc.property(someWeights, fc.nat(30), fc.integer({ min: 1, max: 9 }), (weights, skip, factor) => {
        const [updated, untouched] = [wrr(list(...weights)), wrr(list(...weights))];
        updated.pickMany(skip);
        untouched.pickMany(skip);
        updated.update(list(...weights.map((weight) => weight * factor)));
        expect(word(updated.pickMany(40))).toBe(word(untouched.pickMany(40)));
      }),
    );
  });

  test("after any change of the list nobody is starved or flooded", () => {
    fc.assert(
      fc.property(someWeights, someWeights, fc.nat(100), somePhase, (before, after, skip, phase) => {
        const picker = wrr(list(...before), phase);
        picker.pickMany(skip);
        picker.update(list(...after));
        const reduced = reduceWeights(after);
        const counts = count(picker.pickMany(sum(reduced) * 3));
        list(...after).forEach(({ id }, index) => {
          const share = (reduced[index] ?? 0) * 3;
          expect(Math.abs((counts.get(id) ?? 0) - share)).toBeLessThanOrEqual(Math.max(2, reduced.length));
        });
      }),
    );
  });

  test("changes of the list before every pick still give the shares", () => {
    const picker = wrr(list(3, 1));
    const picks: Candidate[] = [];
    for (let round = 0; round < 400; round += 1) {
      picker.update(list(3, 1));
      picks.push(...picker.pickMany(1));
    }
    expect(count(picks).get("a")).toBe(300);
  });

  test("a long period starts close to its phase, quickly, and keeps the shares", () => {
    const weights = Array.from({ length: 100 }, (_, index) => 999_983 + index * 7919);
    const start = performance.now();
    const firsts = Array.from({ length: 50 }, (_, index) => wrr(list(...weights), index / 50).pick()?.id);
    expect(performance.now() - start).toBeLessThan(2000);
    expect(new Set(firsts).size).toBeGreaterThan(20);
  });

  test("takes fractions", () => {
    const counts = count(wrr(list(0.5, 0.25), 0.4).pickMany(300));
    expect(Math.abs((counts.get("a") ?? 0) - 200)).toBeLessThanOrEqual(1);
  });
});

describe("weights that are no share", () => {
  test.each(["wrr", "random", "rendezvous"] as const)("%s never picks them", (policy) => {
    const candidates = [...list(0, -1, Number.NaN, Number.POSITIVE_INFINITY), { id: "z", weight: 1 }];
    const picker = createPicker(policy, candidates, { key: "k" });
    expect(new Set(picker.pickMany(20).map((one) => one.id))).toEqual(new Set(["z"]));
    picker.update(list(0, 0));
    expect(picker.pick()).toBeNull();
    expect(picker.pickMany(3)).toEqual([]);
    picker.update([]);
    expect(picker.pick()).toBeNull();
    picker.update(list(1));
    expect(picker.pick()?.id).toBe("a");
  });
});
