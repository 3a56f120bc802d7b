import { beforeAll, describe, expect, it } from "vitest";
import type { Measured } from "../../../src/core/bench/judge/bench-metrics.ts";
import { type DoubtInput, doubtsOf } from "../../../src/core/bench/judge/doubts.ts";
import { benchThresholds, judgeRun } from "../../../src/core/bench/judge/judge-run.ts";
import { Histograms } from "../../../src/core/bench/latency-histogram.ts";
import type { InstanceResult, SeriesPoint } from "../../../src/core/bench/result.ts";

let histograms: Histograms;
beforeAll(async () => {
  histograms = await Histograms.load();
});

function histogram(times: readonly number[]) {
  const made = histograms.create();
  for (const time of times) made.record(time);
  return made;
}

const evenly = (count: number, most: number) =>
  Array.from({ length: count }, (_, at) => ((at + 1) * most) / count);

function measured(changes: Partial<Measured> = {}): Measured {
  return {
    counts: { sent: 1000, ok: 1000, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 },
    durationMs: 10_000,
    achieved: 100,
    latency: histogram(evenly(1000, 100)),
    service: histogram(evenly(1000, 80)),
    lag: histogram(evenly(1000, 0.5)),
    instances: [],
    ...changes,
  };
}

function doubts(changes: Partial<DoubtInput> = {}) {
  return doubtsOf({
    measured: measured(),
    series: [],
    offered: 100,
    utilisation: 0.2,
    workers: 1,
    errors: [],
    maxInFlight: 100,
    ceiling: null,
    ...changes,
  });
}

const point = (changes: Partial<SeriesPoint>): SeriesPoint => ({
  ...{
    atS: 1,
    seconds: 1,
    ok: 100,
    errors: 0,
    timeouts: 0,
    dropped: 0,
    p50: 10,
    p99: 20,
    max: 30,
    lagP99: 0,
  },
  ...changes,
});

const judge = (exprs: readonly string[], of = measured(), because = doubts()) =>
  judgeRun(benchThresholds(exprs), of, because);

describe("a verdict", () => {
  it("is PASS where everything holds, and says what", () => {
    const { verdict, reasons } = judge(["p99<200ms"]);
    expect(verdict).toBe("PASS");
    expect(reasons).toEqual(["p99<200ms holds: 99ms", expect.stringContaining("error_rate<=1% holds: 0%")]);
  });

  it("is FAIL where something is broken, and says by how much", () => {
    const { verdict, reasons } = judge(["p99<50ms"]);
    expect(verdict).toBe("FAIL");
    expect(reasons[0]).toBe("p99 is 99ms, and p99<50ms was asked for");
  });

  it("asks for 1% of errors at most, unless somebody speaks of errors", () => {
    const counts = { sent: 1010, ok: 970, errors: 10, timeouts: 20, unfinished: 10, dropped: 0 };
    const failing = measured({ counts });
    expect(judge([], failing).reasons[0]).toBe("error_rate is 3%, and error_rate<=1% was asked for");
    expect(judge(["error_rate<5%"], failing).verdict).toBe("PASS");
    expect(judge(["errors<=10"], failing).verdict).toBe("PASS");
    expect(judge(["timeouts<10"], failing).verdict).toBe("FAIL");
  });

  it("is INVALID for a percentile of too few requests", () => {
    const few = measured({ latency: histogram(evenly(99, 100)) });
    expect(judge(["p99<200ms"], few)).toMatchObject({ verdict: "INVALID" });
    expect(judge(["p99<200ms"], few).reasons[0]).toContain(
      "needs 100 requests at least, and 99 were measured",
    );
    expect(judge(["p90<200ms"], few).verdict).toBe("PASS");
    expect(judge(["p99.9<200ms"]).verdict).toBe("PASS");
  });

  it("is INVALID for what was not measured", () => {
    expect(judge(["instance_spread<1.5"])).toMatchObject({ verdict: "INVALID" });
  });

  it("holds the slowest instance to the median of all", () => {
    const instances = [10, 11, 12, 30].map((p99) => ({ latencyMs: { p99 } }) as InstanceResult);
    expect(judge(["instance_spread<2"], measured({ instances })).reasons[0]).toContain(
      "instance_spread is 2.61",
    );
  });
});

describe("a doubt", () => {
  it("of a generator that was late takes the proof from broken times, and not from errors", () => {
    const late = doubts({ measured: measured({ lag: histogram(evenly(1000, 40)) }) });
    expect(late).toEqual([
      { distorts: "latency", reason: expect.stringContaining("the generator was late") },
    ]);
    expect(judge(["p99<50ms"], measured(), late).verdict).toBe("INVALID");
    const counts = { sent: 1000, ok: 900, errors: 100, timeouts: 0, unfinished: 0, dropped: 0 };
    expect(judge(["p99<50ms"], measured({ counts }), late).verdict).toBe("FAIL");
  });

  it("is none of a lag that is small beside what was measured, or small at all", () => {
    expect(doubts({ measured: measured({ lag: histogram(evenly(1000, 9)) }) })).toEqual([]);
    const fast = measured({ latency: histogram(evenly(1000, 1)), lag: histogram(evenly(1000, 1.9)) });
    expect(doubts({ measured: fast })).toEqual([]);
  });

  it("of dropped requests takes the proof from what holds, and not from what is broken", () => {
    const counts = { sent: 900, ok: 900, errors: 0, timeouts: 0, unfinished: 0, dropped: 100 };
    const dropping = doubts({ measured: measured({ counts }) });
    expect(judge([], measured({ counts }), dropping).verdict).toBe("INVALID");
    expect(judge(["p99<50ms"], measured({ counts }), dropping).verdict).toBe("FAIL");
  });

  it("of a busy generator: in max mode only near its ceiling, where that is known", () => {
    expect(doubts({ utilisation: 0.79 })).toEqual([]);
    expect(doubts({ utilisation: 0.81 })).toMatchObject([{ distorts: "latency" }]);
    expect(doubts({ utilisation: 0.99, offered: null })).toMatchObject([{ distorts: "latency" }]);
    expect(doubts({ utilisation: 0.99, offered: null, ceiling: 126 })).toEqual([]);
    const near = doubts({ utilisation: 0.99, offered: null, ceiling: 124 });
    expect(near[0]?.reason).toContain("it manages 124/s against a server that does nothing");
  });

  it("of this machine proves nothing at all", () => {
    const out = doubts({ errors: [{ kind: "EADDRNOTAVAIL", count: 3 }] });
    expect(out).toMatchObject([{ distorts: "all", reason: expect.stringContaining("ports") }]);
    const counts = { sent: 1000, ok: 0, errors: 1000, timeouts: 0, unfinished: 0, dropped: 0 };
    expect(judge([], measured({ counts }), out).verdict).toBe("INVALID");
  });

  it("of a target that was not warm: times that fell, and in max mode a rate that rose", () => {
    const falling = Array.from({ length: 10 }, (_, at) => point({ p50: 20 - at }));
    expect(doubts({ series: falling })[0]?.reason).toContain("p50 still fell");
    const rising = Array.from({ length: 10 }, (_, at) => point({ ok: 100 + at * 10 }));
    expect(doubts({ series: rising, offered: null })[0]?.reason).toContain("the rate still rose");
    expect(doubts({ series: falling.toReversed() })).toEqual([]);
    expect(doubts({ series: rising.toReversed(), offered: null })).toEqual([]);
  });

  it("of nothing sent is the only one", () => {
    const counts = { sent: 0, ok: 0, errors: 0, timeouts: 0, unfinished: 0, dropped: 50 };
    expect(doubts({ measured: measured({ counts }) })).toMatchObject([{ distorts: "all" }]);
  });
});
