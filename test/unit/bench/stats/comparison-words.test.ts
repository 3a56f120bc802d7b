import { describe, expect, it } from "vitest";
import { sayChange, sayShort, share } from "../../../../src/core/bench/stats/comparison-words.ts";

it.each([
  [0.125, "12.5%"],
  [0.05, "5%"],
  [0.0496, "4.96%"],
  [0.0002, "0.02%"],
  [1, "100%"],
  [-1e-16, "0%"],
])("says the share %d as %s", (value, said) => {
  expect(share(value)).toBe(said);
});

describe("a change", () => {
  const change = { metric: "p99", a: 41.2, b: 46.1, change: 0.119, adjustedP: 0.0041 } as const;

  it("is said in the words of its metric", () => {
    expect(sayChange(change)).toBe("p99 is 12% slower (41.2 → 46.1 ms, p = 0.004)");
    expect(sayChange({ ...change, change: -0.05, metric: "mean" })).toBe(
      "the mean is 5% faster (41.2 → 46.1 ms, p = 0.004)",
    );
    expect(sayChange({ ...change, metric: "rate", a: 64_123, b: 71_800 })).toBe(
      "the rate is 12% higher (64,100 → 71,800 per second, p = 0.004)",
    );
    expect(sayChange({ ...change, metric: "errorRate", a: 0.0001, b: 0.025, change: 0.0249 })).toBe(
      "more requests fail: 0.01% → 2.5% (p = 0.004)",
    );
  });

  it("has enough digits to be seen, and no p that rounds to 0 or to what it is held to", () => {
    expect(sayChange({ ...change, a: 0.041_231, b: 0.041_248 })).toContain("(0.041231 → 0.041248 ms");
    expect(sayChange({ ...change, change: 2.346 })).toContain("235% slower");
    expect(sayChange({ ...change, adjustedP: 0.000_31 })).toContain("p < 0.001");
    expect(sayChange({ ...change, adjustedP: 0.0497 })).toContain("p = 0.0497");
  });

  it("has its sign where it is short", () => {
    const short = [0.119, -0.02, 1e-16].map((size) => sayShort({ ...change, change: size }));
    expect(short).toEqual(["p99 +11.9%", "p99 -2%", "p99 0%"]);
    expect(sayShort({ ...change, metric: "errorRate", a: 0.001, b: 0.0012 })).toBe(
      "the error rate 0.1% → 0.12%",
    );
  });
});
