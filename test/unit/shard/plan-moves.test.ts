import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BucketOwner, Shard } from "../../../src/core/shard/keyspace.ts";
import { type MovePlan, type PlanInput, planMoves } from "../../../src/core/shard/plan/plan-moves.ts";

type Input = PlanInput & { readonly sizes: readonly { readonly rows: number; readonly bytes: number }[] };

function shard(name: string, over: Partial<Shard> = {}): Shard {
  return { name, url: `mysql://h/${name}`, weight: 1, zone: null, state: "active", ...over };
}

function shards(...names: readonly string[]): readonly Shard[] {
  return names.map((name) => shard(name));
}

function owners(text: string): readonly BucketOwner[] {
  return Array.from(text).map((name) => ({ shard: name, epoch: 1 }));
}

function applied(input: Input, plan: MovePlan, count = plan.moves.length): Input {
  const moved = input.owners.map((owner) => ({ ...owner }));
  const free = new Map(input.free);
  for (const { bucket, src, dst, bytes } of plan.moves.slice(0, count)) {
    expect(moved[bucket]?.shard).toBe(src);
    moved[bucket] = { shard: dst, epoch: 2 };
    const room = free.get(dst);
    if (room !== undefined) free.set(dst, room - bytes);
  }
  return { ...input, owners: moved, free };
}

/** Bytes or buckets by weight of the most loaded shard, and how many buckets draining ones have. */
function peak(input: Input): { readonly drained: number; readonly load: number } {
  const has = (name: string) => input.owners.flatMap((owner, i) => (owner.shard === name ? [i] : []));
  const loads = input.shards
    .filter(({ state }) => state === "active")
    .map(({ name, weight }) => has(name).reduce((sum, i) => sum + (input.sizes[i]?.bytes ?? 0), 0) / weight);
  const draining = input.shards.filter(({ state }) => state === "draining");
  return {
    drained: draining.reduce((sum, { name }) => sum + has(name).length, 0),
    load: Math.max(...loads),
  };
}

/** Whether each shard has its share, rounded down or up: what a plan by count leads to. */
function isFair(input: PlanInput, of: readonly string[]): boolean {
  const active = input.shards.filter(({ state }) => state === "active");
  const sum = active.reduce((all, { weight }) => all + weight, 0);
  return input.shards.every(({ name, weight, state }) => {
    const count = of.filter((owner) => owner === name).length;
    const share = state === "active" ? (of.length * weight) / sum : 0;
    return count > share - 1 + 1e-9 && count < share + 1 - 1e-9;
  });
}

/** The fewest buckets that must move, by trying everything. */
function fewest(input: PlanInput): number {
  const names = input.shards.map(({ name }) => name);
  let best = Infinity;
  const all = names.length ** input.owners.length;
  for (let code = 0; code < all; code++) {
    let rest = code;
    let moved = 0;
    const of = input.owners.map(({ shard: owner }) => {
      const name = names[rest % names.length] ?? "";
      rest = Math.floor(rest / names.length);
      if (name !== owner) moved++;
      return name;
    });
    if (moved < best && isFair(input, of)) best = moved;
  }
  return best;
}

/** A keyspace with up to so many buckets and shards; at least one shard is not draining. */
function keyspaces(most: { readonly buckets: number; readonly shards: number; readonly bytes: number }) {
  return fc.integer({ min: 1, max: most.shards }).chain((count) => {
    const names = Array.from({ length: count }, (_, i) => `s${i}`);
    return fc
      .record({
        states: fc.array(
          fc.record({ weight: fc.constantFrom(0.5, 1, 1, 1, 2, 3), drains: fc.integer({ max: 3, min: 0 }) }),
          {
            minLength: count,
            maxLength: count,
          },
        ),
        owners: fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: most.buckets }),
        bytes: fc.array(fc.integer({ min: 0, max: most.bytes }), {
          minLength: most.buckets,
          maxLength: most.buckets,
        }),
        free: fc.option(
          fc.array(fc.integer({ min: 0, max: 2 * most.bytes }), { minLength: count, maxLength: count }),
          {
            nil: null,
          },
        ),
      })
      .map(
        (made): Input => ({
          keyspace: "shop",
          by: "count",
          shards: made.states.map(({ weight, drains }, i) =>
            shard(`s${i}`, { weight, state: i > 0 && drains === 0 ? "draining" : "active" }),
          ),
          owners: made.owners.map((name) => ({ shard: name, epoch: 1 })),
          sizes: made.owners.map((_, i) => ({ rows: 1, bytes: made.bytes[i] ?? 0 })),
          ...(made.free === null ? {} : { free: new Map(made.free.map((room, i) => [`s${i}`, room])) }),
        }),
      );
  });
}

function withoutDisk(input: Input): Input {
  const { free: _free, ...rest } = input;
  return rest;
}

describe("by count", () => {
  it("moves a quarter of the buckets to a fourth shard, and each from where it is one too many", () => {
    const input: PlanInput = {
      keyspace: "shop",
      by: "count",
      shards: shards("a", "b", "c", "d"),
      owners: Array.from({ length: 4096 }, (_, i) => ({
        shard: "abc"[Math.floor((i * 3) / 4096)] ?? "",
        epoch: 1,
      })),
    };
    const plan = planMoves(input);
    expect(plan.moves).toHaveLength(1024);
    expect(plan.moves.every(({ dst }) => dst === "d")).toBe(true);
    expect(plan.after.map(({ buckets, share }) => [buckets, share])).toEqual(Array(4).fill([1024, 0.25]));
    expect(plan).toMatchObject({ isBalanced: false, isComplete: true, short: [] });
  });

  it.each([
    ["a share that is rounded either way", "aab", "ab", {}, 0],
    ["one too many", "aaab", "ab", {}, 1],
    ["a draining shard", "aabbcc", "abc", { c: { state: "draining" as const } }, 2],
    ["a shard with twice the weight", "aaabbb", "ab", { b: { weight: 2 } }, 1],
    [
      "weights that are no exact numbers",
      "aaabbbcccc",
      "abc",
      { a: { weight: 0.3 }, b: { weight: 0.3 }, c: { weight: 0.4 } },
      0,
    ],
    ["one shard", "aaaa", "a", {}, 0],
  ])("%s", (_what, map, names, over: Readonly<Record<string, Partial<Shard>>>, moves) => {
    const input: PlanInput = {
      keyspace: "shop",
      by: "count",
      shards: Array.from(names).map((name) => shard(name, over[name])),
      owners: owners(map),
    };
    const plan = planMoves(input);
    expect(plan.moves).toHaveLength(moves);
    expect(plan.isBalanced).toBe(moves === 0);
  });

  it("has the fewest moves there can be, as trying everything finds", () => {
    fc.assert(
      fc.property(keyspaces({ buckets: 7, shards: 3, bytes: 9 }), (made) => {
        const input = withoutDisk(made);
        const plan = planMoves(input);
        const end = applied(input, plan).owners.map((owner) => owner.shard);
        expect(isFair(input, end)).toBe(true);
        expect(plan.moves).toHaveLength(fewest(input));
      }),
      { numRuns: 150 },
    );
  });

  it("leads to where nothing is to be done", () => {
    fc.assert(
      fc.property(keyspaces({ buckets: 60, shards: 6, bytes: 50 }), (made) => {
        const input = withoutDisk(made);
        const plan = planMoves(input);
        expect(plan.isComplete).toBe(true);
        expect(planMoves(applied(input, plan))).toMatchObject({
          moves: [],
          isBalanced: true,
          isComplete: true,
        });
      }),
    );
  });

  it("gives no shard more than it has room for, and the others what it cannot take", () => {
    const sizes = Array.from({ length: 9 }, () => ({ rows: 10, bytes: 100 }));
    const plan = planMoves({
      keyspace: "shop",
      by: "count",
      shards: [shard("a", { state: "draining" }), shard("b"), shard("c")],
      owners: owners("aaaaaabbc"),
      sizes,
      free: new Map([["c", 250]]),
    });
    expect(plan.after.map(({ buckets }) => buckets)).toEqual([0, 6, 3]);
    expect(plan.short).toEqual(["c"]);
    expect(plan.moves.every(({ rows, bytes }) => rows === 10 && bytes === 100)).toBe(true);
  });

  it("says so where nobody has room", () => {
    const plan = planMoves({
      keyspace: "shop",
      by: "count",
      shards: shards("a", "b"),
      owners: owners("aaaa"),
      sizes: Array(4).fill({ rows: 1, bytes: 10 }),
      free: new Map([["b", 9]]),
    });
    expect(plan).toMatchObject({ moves: [], short: ["b"], isBalanced: false, isComplete: false });
  });
});

describe("by bytes", () => {
  const big = { by: "bytes" as const, tolerance: 0 };

  it("takes from the most loaded shard what brings it nearest to the least loaded one", () => {
    const plan = planMoves({
      ...big,
      keyspace: "shop",
      shards: shards("a", "b", "c"),
      owners: owners("aaabbc"),
      sizes: [50, 30, 20, 30, 20, 10].map((bytes) => ({ rows: 1, bytes })),
    });
    expect(plan.moves).toEqual([{ bucket: 0, src: "a", dst: "c", rows: 1, bytes: 50 }]);
    expect(plan.after.map(({ bytes }) => bytes)).toEqual([50, 50, 60]);
  });

  it("lets a shard be that is above the mean by no more than the tolerance", () => {
    const input = {
      by: "bytes" as const,
      keyspace: "shop",
      shards: shards("a", "b"),
      owners: owners("aaab"),
      sizes: [48, 2, 2, 48].map((bytes) => ({ rows: 1, bytes })),
    };
    expect(planMoves(input)).toMatchObject({ moves: [], isBalanced: true });
    expect(planMoves({ ...input, tolerance: 0.01 }).moves.map(({ bucket }) => bucket)).toEqual([2]);
  });

  it("leaves a large tenant alone on its shard", () => {
    const plan = planMoves({
      ...big,
      keyspace: "shop",
      shards: shards("a", "b"),
      owners: owners("aaab"),
      sizes: [1000, 1, 1, 1].map((bytes) => ({ rows: 1, bytes })),
    });
    expect(plan.after.map(({ buckets }) => buckets)).toEqual([1, 3]);
  });

  it("makes the others level where one shard has a tenant that is larger than all the rest", () => {
    const plan = planMoves({
      ...big,
      keyspace: "shop",
      shards: shards("a", "b", "c", "d"),
      owners: owners("abbbbbb"),
      sizes: [1000, 5, 5, 5, 5, 5, 5].map((bytes) => ({ rows: 1, bytes })),
    });
    expect(plan.after.map(({ bytes }) => bytes)).toEqual([1000, 10, 10, 10]);
  });

  it("moves nothing of an empty keyspace, and spreads what a draining shard has of nothing", () => {
    const input = {
      by: "bytes" as const,
      keyspace: "shop",
      owners: owners("aaaaaabb"),
      sizes: Array(8).fill({ rows: 0, bytes: 0 }),
    };
    expect(planMoves({ ...input, shards: shards("a", "b") })).toMatchObject({ moves: [], isBalanced: true });
    const plan = planMoves({ ...input, shards: [shard("a", { state: "draining" }), shard("b"), shard("c")] });
    expect(plan.after.map(({ buckets }) => buckets)).toEqual([0, 4, 4]);
  });

  it("is never worse than the start, after any number of its moves", () => {
    fc.assert(
      fc.property(keyspaces({ buckets: 24, shards: 5, bytes: 60 }), (made) => {
        const input = { ...made, ...big };
        const plan = planMoves(input);
        const start = peak(input);
        let before = start;
        expect(new Set(plan.moves.map(({ bucket }) => bucket)).size).toBe(plan.moves.length);
        for (let count = 1; count <= plan.moves.length; count++) {
          const now = peak(applied(input, plan, count));
          expect(now.drained).toBeLessThanOrEqual(before.drained);
          if (now.drained === start.drained) expect(now.load).toBeLessThanOrEqual(start.load);
          before = now;
        }
        for (const { name, state } of input.shards) {
          const got = plan.moves.filter(({ dst }) => dst === name);
          if (state === "draining") expect(got).toEqual([]);
          const bytes = got.reduce((sum, move) => sum + move.bytes, 0);
          expect(bytes).toBeLessThanOrEqual(input.free?.get(name) ?? Infinity);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("leads to where nothing is to be done, or says that it does not", () => {
    let incomplete = 0;
    fc.assert(
      fc.property(keyspaces({ buckets: 24, shards: 5, bytes: 60 }), (made) => {
        const input = { ...made, ...big };
        const plan = planMoves(input);
        if (plan.isComplete) expect(planMoves(applied(input, plan)).moves).toEqual([]);
        else incomplete++;
      }),
      { numRuns: 300 },
    );
    expect(incomplete).toBeLessThan(30);
  });

  it("leaves nothing on a draining shard where there is room", () => {
    fc.assert(
      fc.property(keyspaces({ buckets: 40, shards: 5, bytes: 60 }), (made) => {
        const input = { ...withoutDisk(made), ...big };
        expect(peak(applied(input, planMoves(input))).drained).toBe(0);
      }),
    );
  });

  it("comes within a twentieth of the mean with as many buckets as there usually are, quickly", () => {
    const sizes = Array.from({ length: 4096 }, (_, i) => ({ rows: 1, bytes: 1000 + ((i * 7919) % 5000) }));
    const input: Input = {
      by: "bytes",
      keyspace: "shop",
      shards: [...shards("a", "b", "c"), shard("d", { weight: 2 })],
      owners: sizes.map((_, i) => ({ shard: i % 10 < 7 ? "a" : i % 10 < 9 ? "b" : "c", epoch: 1 })),
      sizes,
    };
    const plan = planMoves(input);
    expect(plan.isComplete).toBe(true);
    expect(plan.after.map(({ share }) => Math.round(share * 20))).toEqual([4, 4, 4, 8]);
    expect(planMoves(applied(input, plan))).toMatchObject({ moves: [], isBalanced: true });
  });
});

it("makes the first so many moves where it is told to, and says that there are more", () => {
  const input: PlanInput = {
    keyspace: "shop",
    by: "count",
    shards: shards("a", "b"),
    owners: owners("aaaaaa"),
  };
  const whole = planMoves(input);
  const some = planMoves({ ...input, maxMoves: 2 });
  expect(some.moves).toEqual(whole.moves.slice(0, 2));
  expect(some).toMatchObject({ isComplete: false, isBalanced: false });
  expect(planMoves(input)).toEqual(whole);
});

it("refuses a keyspace where every shard is draining, and a map with a shard there is not", () => {
  const input: PlanInput = { keyspace: "shop", by: "count", shards: shards("a"), owners: owners("ab") };
  expect(() => planMoves(input)).toThrow(expect.objectContaining({ code: "SHARD_STORE_INVALID" }));
  const draining = [shard("a", { state: "draining" }), shard("b", { state: "draining" })];
  expect(() => planMoves({ ...input, shards: draining })).toThrow(
    expect.objectContaining({ code: "SHARD_NO_TARGET" }),
  );
});
