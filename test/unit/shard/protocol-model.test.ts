import { describe, expect, it } from "vitest";
import { check } from "../../model/checker.ts";
import { type ShardOptions, shardModel } from "../../model/shard-model.ts";
import { MUTATIONS, type Mutation } from "../../model/shard-turn.ts";

const LONG = process.env["DCS_LONG"] === "1";
const LIMIT = LONG ? 20_000_000 : 1_000_000;
const SECOND = 1000;

/** The same protocol under different budgets of commits and faults: their product is in the long run only. */
type World = readonly [name: string, options: ShardOptions, isLong?: true];
const WORLDS: readonly World[] = [
  ["away and back, stale router, crash", { moves: 2, crashes: 1, expiries: 1 }],
  ["away and back, two runners, abort", { commits: [1, 0], moves: 2, steals: 1, aborts: 1 }],
  ["a row that is not there yet", { value: 0, crashes: 1, expiries: 1 }],
  ["two runners, abort, crash", { commits: [1, 0], steals: 1, crashes: 1, aborts: 1 }],
  ["two runners, two writers", { steals: 1 }],
  ["reverse window, undone and closed, two runners", { commits: [1, 0], windows: 1, steals: 1, aborts: 1 }],
  ["reverse window, stale router, crash", { windows: 1, crashes: 1, aborts: 1, expiries: 1 }],
  ["failover, crash, abort", { commits: [1, 0], failovers: 1, crashes: 1, aborts: 1 }],
  ["failover in the reverse window", { commits: [1, 0], failovers: 1, windows: 1, aborts: 1 }],
  ["long: away and back", { moves: 2, steals: 1, aborts: 1, expiries: 1 }, true],
  [
    "long: away and back, everything but a failover",
    { moves: 2, steals: 1, crashes: 1, aborts: 1, expiries: 1 },
    true,
  ],
  ["long: four commits", { commits: [2, 2], steals: 1, expiries: 1 }, true],
  ["long: two takeovers", { steals: 2, crashes: 1, aborts: 1 }, true],
  ["long: reverse window", { windows: 1, steals: 1, aborts: 1 }, true],
  ["long: failover, two runners", { commits: [1, 0], failovers: 1, steals: 1, aborts: 1 }, true],
];

describe("the protocol of docs/shards-protocol.md holds", () => {
  it.each(WORLDS.filter(([, , isLong]) => LONG || !isLong).map(([name, options]) => ({ name, options })))(
    "$name",
    ({ options }) => {
      const { broken, trace, states } = check(shardModel(options), LIMIT);
      expect(broken, trace.join("\n")).toBeNull();
      expect(states).toBeGreaterThan(1000);
    },
    LONG ? 1800 * SECOND : 60 * SECOND,
  );
});

const TWO_RUNNERS: ShardOptions = { commits: [1, 0], steals: 1, crashes: 1, aborts: 1 };
const FAILOVER: ShardOptions = { commits: [1, 0], failovers: 1 };

/** What breaks when a safeguard is left out, and by which step. */
const CAUGHT: readonly (readonly [Mutation, ShardOptions, broken: string, last: string])[] = [
  ["plain read in the guard", { commits: [1, 0] }, "I3", "write the chunk"],
  ["delete log rows up to the last id", {}, "I3", "delete the log rows"],
  ["read log rows after the last id", {}, "I4", "→ sealed"],
  ["row read before the log", {}, "I3", "delete the log rows"],
  ["no token", TWO_RUNNERS, "I5", "at dst"],
  ["no token", { ...TWO_RUNNERS, watch: "I6" }, "I6", "flip"],
  ["row change without compare", { ...TWO_RUNNERS, watch: "I2" }, "I2", "flip"],
  ["row change without compare", { ...TWO_RUNNERS, watch: "I6" }, "I6", "→ gone"],
  ["stamp by a superseded runner", TWO_RUNNERS, "I8", "delete the record"],
  ["flip before seal", { commits: [0, 0] }, "I2", "flip"],
  ["unseal without a new token", TWO_RUNNERS, "I8", "delete the record"],
  ["unseal without a new token", { ...TWO_RUNNERS, watch: "I2" }, "I2", "flip"],
  ["unseal without the map", TWO_RUNNERS, "I7", "src row"],
  ["token not compared in the store", TWO_RUNNERS, "I9", "flip"],
  ["reverse window after open", { commits: [1, 0], windows: 1 }, "I3", "→ moving"],
  ["clean without acks", { commits: [0, 0] }, "I10", "delete the rows at src"],
  ["no guard read after a miss", { commits: [0, 1], expiries: 1 }, "I6", "acknowledged"],
  ["guard read without epoch", { commits: [0, 1], expiries: 1, moves: 2 }, "I6", "acknowledged"],
  ["purge before the source is stamped", { ...FAILOVER, steals: 1 }, "I4", "→ sealed"],
  ["seal not waited for", FAILOVER, "I2", "failover"],
  ["drain not waited for", FAILOVER, "I4", "failover"],
  ["window not waited for", { ...FAILOVER, windows: 1 }, "I3", "→ incoming"],
  ["end not waited for", FAILOVER, "I8", "failover"],
];

describe("without a safeguard the checker finds a trace", () => {
  it.each(CAUGHT)("%s: %o", (mutation, options, broken, last) => {
    const found = check(shardModel({ ...options, mutations: [mutation] }), LIMIT);
    expect(found.broken).toContain(broken);
    expect(found.trace.length).toBeGreaterThan(5);
    expect(found.trace.at(-1), found.trace.join("\n")).toContain(last);
  });

  it("a copy kept after a failover: verifying all of it finds the loss, nothing else does", () => {
    const options = FAILOVER;
    const kept: Mutation = "copy kept after a failover";
    expect(check(shardModel({ ...options, mutations: [kept] }), LIMIT).broken).toBeNull();
    const found = check(shardModel({ ...options, mutations: [kept, "verify skipped"] }), LIMIT);
    expect(found.broken).toContain("I4");
  });
});

describe("what the protocol does not need for safety", () => {
  // Verify looks for what the model leaves out: faults of our code, of the servers and of the schema. The invariants
  // hold without it, which is what makes a difference it finds worth an alarm instead of a repair.
  it("verify: the invariants hold when it is skipped", () => {
    const options = { steals: 1, mutations: ["verify skipped"] } as const;
    expect(check(shardModel(options), LIMIT).broken).toBeNull();
  });

  // The token of the record is enough: a runner that knows the newest one is the only one that can have moved the map.
  it("the compare with the map in the flip, beside the compare with the token", () => {
    const options = { commits: [1, 0], steals: 1, aborts: 1, mutations: ["map not in the flip"] } as const;
    expect(check(shardModel(options), LIMIT).broken).toBeNull();
  });
});

it("every mutation is tried", () => {
  const elsewhere: readonly Mutation[] = [
    "copy kept after a failover",
    "verify skipped",
    "map not in the flip",
  ];
  const tried = [...CAUGHT.map(([mutation]) => mutation), ...elsewhere];
  expect(new Set(tried)).toEqual(new Set(MUTATIONS));
});
