import { describe, expect, it } from "vitest";
import type { BenchResult } from "../../../src/core/bench/result.ts";
import { findMax } from "../../../src/core/bench/run/find-max.ts";
import { benchResult } from "../../support/bench-result.ts";

/** A target that holds every rate up to `limit`. */
function search(limit: number, verdict: "FAIL" | "INVALID" = "FAIL", start = 100, most = 1_000_000) {
  const tried: number[] = [];
  const tryRate = async (rate: number): Promise<BenchResult> => {
    tried.push(rate);
    return benchResult({ verdict: rate <= limit ? "PASS" : verdict, reasons: ["too slow"] });
  };
  return findMax({ tryRate, start, limit: most, onStep: () => {} }).then(({ found }) => ({ found, tried }));
}

describe("the search for the highest rate", () => {
  it.each([100, 137, 1000, 54_321, 7, 3])("comes within 5%% of a limit of %i", async (limit) => {
    const { found, tried } = await search(limit);
    expect(found.rate).toBeLessThanOrEqual(limit);
    expect(found.rate).toBeGreaterThan(limit / 1.06);
    expect(found.limitedBy).toBe("target");
    expect(found.steps.map(({ rate }) => rate)).toEqual(tried);
    expect(tried.length).toBeLessThanOrEqual(24);
  });

  it("says that it was the generator that could not", async () => {
    expect((await search(1000, "INVALID")).found.limitedBy).toBe("generator");
  });

  it("stops at the limit that it was given", async () => {
    const { found, tried } = await search(1e9, "FAIL", 100, 500);
    expect(found).toMatchObject({ rate: 500, limitedBy: "limit" });
    expect(tried).toEqual([100, 200, 400, 500]);
  });

  it("gives up where nothing holds", async () => {
    const { found } = await search(0);
    expect(found.rate).toBe(0);
    expect(found.steps.at(-1)?.rate).toBe(1);
  });

  it("tries once more what had no verdict, and gives up after that", async () => {
    const noisy = async (...without: readonly number[]) => {
      let tries = 0;
      const tryRate = async (rate: number) => {
        tries += 1;
        return benchResult({ verdict: without.includes(tries) ? "INVALID" : rate <= 777 ? "PASS" : "FAIL" });
      };
      return (await findMax({ tryRate, start: 100, limit: 1_000_000, onStep: () => {} })).found;
    };
    const once = await noisy(3);
    expect(once.rate).toBeGreaterThan(777 / 1.06);
    expect(once.steps.map(({ rate }) => rate).slice(2, 4)).toEqual([400, 400]);
    const twice = await noisy(3, 4);
    expect(twice.rate).toBeLessThan(400);
    expect(twice.rate).toBeGreaterThan(370);
    expect(twice.limitedBy).toBe("generator");
  });

  it("says that it was stopped before it had found where that ends", async () => {
    const tryRate = async (rate: number) =>
      benchResult(rate < 400 ? { verdict: "PASS" } : { verdict: "INVALID", endedBy: "person" });
    const { found } = await findMax({ tryRate, start: 100, limit: 1e6, onStep: () => {} });
    expect(found).toMatchObject({ rate: 200, limitedBy: "stopped" });
  });

  it("was stopped before it began: one step says so", async () => {
    const { found, best } = await findMax({
      tryRate: async () => benchResult({ verdict: "INVALID", endedBy: "person" }),
      ...{ start: 100, limit: 1000, onStep: () => {}, signal: AbortSignal.abort() },
    });
    expect(found.steps).toHaveLength(1);
    expect(best.endedBy).toBe("person");
  });
});
