import { expect, it } from "vitest";
import { abbaOrder } from "../../../../src/core/bench/stats/abba.ts";

/** Sum over the places of A minus that over the places of B, each place to the power. */
function imbalance(n: number, power: number): number {
  return abbaOrder(n).reduce((sum, side, place) => sum + (side === "a" ? 1 : -1) * place ** power, 0);
}

it("begins as its name says", () => {
  expect(abbaOrder(0)).toEqual([]);
  expect(abbaOrder(1).join("")).toBe("ab");
  expect(abbaOrder(2).join("")).toBe("abba");
  expect(abbaOrder(3).join("")).toBe("abbaba");
  expect(abbaOrder(5).join("")).toBe("abbabaabba");
  expect(abbaOrder(10).join("")).toBe("abbabaabbaababbabaab");
});

it("runs both sides equally often, and never one three times in a row", () => {
  for (let n = 1; n <= 40; n += 1) {
    const order = abbaOrder(n);
    expect(order.filter((side) => side === "a")).toHaveLength(n);
    expect(order.filter((side) => side === "b")).toHaveLength(n);
    expect(order.join("")).not.toMatch(/aaa|bbb/);
    expect(order.slice(0, 2 * (n - 1))).toEqual(abbaOrder(n - 1));
  }
});

it("lets a steady drift weigh on both alike", () => {
  for (let n = 1; n <= 40; n += 1) expect(Math.abs(imbalance(n, 1)), `n = ${n}`).toBe(n % 2);
});

it("lets a drift that bends weigh on both alike in each block of eight, and less than plain ABBA elsewhere", () => {
  for (let n = 4; n <= 40; n += 4) expect(imbalance(n, 2), `n = ${n}`).toBe(0);
  for (let n = 2; n <= 40; n += 4) expect(Math.abs(imbalance(n, 2)), `n = ${n}`).toBe(4);
});
