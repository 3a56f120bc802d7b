import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseStages } from "../../../src/core/bench/load/parse-stages.ts";
import { dueAt, requestsUntil, Schedule, type Stage } from "../../../src/core/bench/load/schedule.ts";
import { isDcsError } from "../../../src/core/errors.ts";
import { seededRandom } from "../../../src/core/util/seeded-random.ts";

const hold = (rate: number, durationMs: number): Stage => ({ from: rate, to: rate, durationMs });

function all(
  stages: readonly Stage[],
  worker = 0,
  workers = 1,
  arrival: "even" | "poisson" = "even",
): number[] {
  const schedule = new Schedule({
    ...{ stages, worker, workers, arrival, amount: null },
    random: seededRandom(worker + 1),
  });
  const times: number[] = [];
  for (let due = schedule.peek(); due !== null; due = schedule.peek()) {
    times.push(due);
    schedule.advance();
  }
  return times;
}

describe("a schedule", () => {
  it("is even at a rate", () => {
    expect(all([hold(100, 50)])).toEqual([0, 10, 20, 30, 40]);
  });

  it("goes on into the next stage where the last one ended", () => {
    expect(all([hold(100, 20), hold(1000, 3)])).toEqual([0, 10, 20, 21, 22]);
  });

  it("rises in a straight line: after half of the time a quarter of the requests were due", () => {
    const times = all([{ from: 0, to: 1000, durationMs: 1000 }]);
    expect(times).toHaveLength(500);
    expect(times.filter((time) => time < 500)).toHaveLength(125);
  });

  it("falls as it rises, backwards", () => {
    const times = all([{ from: 1000, to: 0, durationMs: 1000 }]);
    expect(times).toHaveLength(500);
    expect(times.filter((time) => time < 500)).toHaveLength(375);
  });

  it("of all workers together is that of one", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(
          fc.record({
            from: fc.integer({ min: 0, max: 500 }),
            to: fc.integer({ min: 1, max: 500 }),
            durationMs: fc.integer({ min: 1, max: 1000 }),
          }),
          { minLength: 1, maxLength: 4 },
        ),
        (workers, stages) => {
          const each = Array.from({ length: workers }, (_, worker) => all(stages, worker, workers)).flat();
          expect(each.toSorted((a, b) => a - b)).toEqual(all(stages));
          expect(all(stages)).toHaveLength(Math.ceil(requestsUntil(stages, Number.POSITIVE_INFINITY) - 1e-9));
        },
      ),
    );
  });

  it("of random arrivals has the rate, and gaps as independent users leave them", () => {
    const stages = [hold(1000, 60_000)];
    const times = [0, 1].flatMap((worker) => all(stages, worker, 2, "poisson")).toSorted((a, b) => a - b);
    expect(Math.abs(times.length - 60_000)).toBeLessThan(4 * Math.sqrt(60_000));
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    // Of exponential gaps a share of 1/e is longer than the mean.
    expect(gaps.filter((gap) => gap > mean).length / gaps.length).toBeCloseTo(Math.exp(-1), 1);
  });

  it("ends after a number of requests of all workers, without an end in time", () => {
    const count = (worker: number) => {
      const schedule = new Schedule({
        ...{ stages: [hold(10, Number.POSITIVE_INFINITY)], worker, workers: 3, arrival: "even", amount: 7 },
        random: Math.random,
      });
      let sent = 0;
      for (; schedule.peek() !== null; schedule.advance()) sent += 1;
      return sent;
    };
    expect([0, 1, 2].map(count)).toEqual([3, 2, 2]);
    expect(dueAt([hold(10, Number.POSITIVE_INFINITY)], 1e9)).toBe(1e11);
  });
});

describe("--stages", () => {
  it("reads rates that hold, rise and fall", () => {
    expect(parseStages("100:30s, 100-1000:1m,0.5:1s", "--stages")).toEqual([
      hold(100, 30_000),
      { from: 100, to: 1000, durationMs: 60_000 },
      hold(0.5, 1000),
    ]);
  });

  it.each(["", "100", "100:", "a:1s", "100:1s,", "100:0", "0:1s", "1-2-3:1s", "-5:1s"])(
    "refuses %j",
    (text) => {
      const refusal = (() => {
        try {
          return parseStages(text, "--stages");
        } catch (error) {
          return error;
        }
      })();
      expect(isDcsError(refusal, "USAGE") && refusal.message).toContain("--stages");
    },
  );
});

describe("requests until a time", () => {
  it("are those of the stages so far", () => {
    const stages = [hold(10, 2000), { from: 10, to: 30, durationMs: 2000 }];
    expect([0, 1000, 2000, 3000, 4000, 9000].map((ms) => requestsUntil(stages, ms))).toEqual([
      0, 10, 20, 35, 60, 60,
    ]);
    expect(requestsUntil([hold(5, Number.POSITIVE_INFINITY)], 3000)).toBe(15);
  });
});
