import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hash64, unitInterval } from "../../src/core/traffic/hash.ts";
import { type Candidate, createPicker, isPickerPolicy } from "../../src/core/traffic/picker.ts";

const hosts = (weights: readonly number[]): readonly Candidate[] =>
  weights.map((weight, index) => ({ id: `10.0.0.${index}:8080`, weight }));
const keys = Array.from({ length: 20_000 }, (_, index) => `user-${index}`);
const rendezvous = (candidates: readonly Candidate[]) => createPicker("rendezvous", candidates);

/** Each count within 5 standard deviations of its share. */
function expectShares(ids: readonly (string | undefined)[], candidates: readonly Candidate[]): void {
  const total = candidates.reduce((sum, one) => sum + one.weight, 0);
  for (const { id, weight } of candidates) {
    const share = weight / total;
    const picked = ids.filter((one) => one === id).length;
    const deviation = Math.sqrt(ids.length * share * (1 - share));
    expect(Math.abs(picked - ids.length * share)).toBeLessThan(5 * deviation);
  }
}

/** mulberry32, so that runs repeat. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe("rendezvous", () => {
  test("agrees everywhere and always: pinned values", () => {
    const picker = rendezvous(hosts([1, 1, 1, 1, 1]));
    const picked = ["", "a", "b", "user-1", "ключ"].map((key) => picker.pick(key)?.id.at(-6));
    expect(hash64("dcs")).toEqual({ high: 2_045_801_655, low: 595_396_147 });
    expect(picked).toEqual(["2", "4", "3", "3", "0"]);
  });

  test("shares keys by weight", () => {
    for (const weights of [
      [1, 1, 1, 1, 1],
      [1, 2, 3, 10],
      [100, 1],
      [0.5, 0.25],
    ]) {
      const candidates = hosts(weights);
      const picker = rendezvous(candidates);
      expectShares(
        keys.map((key) => picker.pick(key)?.id),
        candidates,
      );
    }
  });

  test("a candidate that goes moves only its own keys, and spreads them by weight", () => {
    const all = hosts([1, 2, 1, 2, 4]);
    const rest = all.filter((_, index) => index !== 4);
    const [before, after] = [rendezvous(all), rendezvous(rest)];
    const moved: (string | undefined)[] = [];
    for (const key of keys) {
      if (before.pick(key)?.id === all[4]?.id) moved.push(after.pick(key)?.id);
      else expect(after.pick(key)).toEqual(before.pick(key));
    }
    expectShares(moved, rest);
  });

  test("a weight that grows only draws keys to it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 9 }),
        fc.string(),
        (weights, key) => {
          const before = rendezvous(hosts(weights)).pick(key)?.id;
          const grown = hosts(weights.map((weight, index) => (index === 0 ? weight + 5 : weight)));
          const after = rendezvous(grown).pick(key)?.id;
          expect([before, grown[0]?.id]).toContain(after);
        },
      ),
    );
  });

  test("does not depend on the order of the list", () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...hosts([1, 2, 3, 4, 5, 6])], { minLength: 6 }),
        fc.string(),
        (shuffled, key) => {
          expect(rendezvous(shuffled).pick(key)).toEqual(rendezvous(hosts([1, 2, 3, 4, 5, 6])).pick(key));
        },
      ),
    );
  });

  test("pickMany ranks: without the first, the second is picked", () => {
    const all = hosts([3, 1, 2, 5]);
    const ranked = rendezvous(all).pickMany(10, "k");
    expect(ranked).toHaveLength(4);
    expect(ranked[0]).toEqual(rendezvous(all).pick("k"));
    expect(rendezvous(all.filter((one) => one !== ranked[0])).pick("k")).toEqual(ranked[1]);
  });

  test("needs a key", () => {
    expect(() => rendezvous(hosts([1])).pick()).toThrow(expect.objectContaining({ code: "USAGE" }));
    expect(createPicker("rendezvous", hosts([1]), { key: "k" }).pick()?.id).toBe("10.0.0.0:8080");
  });
});

describe("hash64", () => {
  test("keys that look alike fall evenly: chi-square over 256 cells, both halves", () => {
    const other = hash64("10.0.0.1:8080");
    for (const half of [
      (key: string) => hash64(key).low >>> 24,
      (key: string) => hash64(key).high & 255,
      (key: string) => Math.floor(unitInterval(hash64(key), other) * 256),
    ]) {
      const cells = Array.from({ length: 256 }, () => 0);
      for (const key of keys) cells[half(key)] = (cells[half(key)] ?? 0) + 1;
      const expected = keys.length / 256;
      const chi = cells.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
      // 255 degrees of freedom: mean 255, standard deviation 22.6
      expect(chi).toBeLessThan(255 + 5 * 22.6);
    }
  });

  test("no two of 200,000 keys collide", () => {
    const seen = new Set<number>();
    for (let index = 0; index < 200_000; index += 1) {
      const { high, low } = hash64(`k${index}`);
      seen.add((high & 0x1fffff) * 2 ** 32 + low);
    }
    expect(seen.size).toBe(200_000);
  });
});

describe("random", () => {
  test("shares by weight", () => {
    const candidates = hosts([1, 2, 3, 10, 0.5]);
    const picker = createPicker("random", candidates, { random: seeded(7) });
    expectShares(
      picker.pickMany(20_000).map((one) => one.id),
      candidates,
    );
  });

  test("takes the ends of chance", () => {
    const ids = (value: number) => createPicker("random", hosts([1, 1]), { random: () => value }).pick()?.id;
    expect(ids(0)).toBe("10.0.0.0:8080");
    expect(ids(0.5)).toBe("10.0.0.1:8080");
    expect(ids(1 - 2 ** -53)).toBe("10.0.0.1:8080");
  });
});

test("policies by name", () => {
  expect(isPickerPolicy("wrr")).toBe(true);
  expect(isPickerPolicy("fastest")).toBe(false);
  const unknown: string = "fastest";
  expect(() => createPicker(unknown as "wrr", [])).toThrow(expect.objectContaining({ code: "USAGE" }));
});
