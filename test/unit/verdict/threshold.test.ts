import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MetricKind } from "../../../src/core/verdict/metric.ts";
import { writeMetricValue } from "../../../src/core/verdict/metric-value.ts";
import {
  formatThreshold,
  judgeThreshold,
  parseThreshold,
  type Threshold,
  type ThresholdMetrics,
} from "../../../src/core/verdict/threshold.ts";

const METRICS: ThresholdMetrics = {
  named: {
    max: "latency",
    mean: "latency",
    errors: "share",
    rate: "rate",
    dropped: "count",
    "instances.spread": "ratio",
  },
  percentiles: ["", "service", "lag"],
};

const parse = (text: string) => parseThreshold(text, "--threshold", METRICS);

function thrown(text: string): { code: string; message: string; hint: string; details: object } {
  try {
    parse(text);
  } catch (error) {
    return error as ReturnType<typeof thrown>;
  }
  throw new Error(`${text} was taken`);
}

describe("parseThreshold", () => {
  it.each<[string, string, MetricKind, string, number]>([
    ["p99<200ms", "p99", "latency", "<", 200],
    ["  p99 <= 1.5 s ", "p99", "latency", "<=", 1500],
    ["p50<850us", "p50", "latency", "<", 0.85],
    ["p50<850µs", "p50", "latency", "<", 0.85],
    ["p90<2m", "p90", "latency", "<", 120_000],
    ["p999<1s", "p99.9", "latency", "<", 1000],
    ["p9999<1s", "p99.99", "latency", "<", 1000],
    ["p99.9<1s", "p99.9", "latency", "<", 1000],
    ["p99.99<1s", "p99.99", "latency", "<", 1000],
    ["service.p99.9<1s", "service.p99.9", "latency", "<", 1000],
    ["lag.p99<10ms", "lag.p99", "latency", "<", 10],
    ["max==0ms", "max", "latency", "==", 0],
    ["errors<0.5%", "errors", "share", "<", 0.005],
    ["errors < 0.7 %", "errors", "share", "<", 0.007],
    ["errors<0.005", "errors", "share", "<", 0.005],
    ["errors<=100%", "errors", "share", "<=", 1],
    ["rate>1000", "rate", "rate", ">", 1000],
    ["rate>=1000/s", "rate", "rate", ">=", 1000],
    ["rate>=1.5k", "rate", "rate", ">=", 1500],
    ["rate>=2 k / s", "rate", "rate", ">=", 2000],
    ["dropped==0", "dropped", "count", "==", 0],
    ["instances.spread<1.2", "instances.spread", "ratio", "<", 1.2],
  ])("%j is read", (text, metric, kind, operator, limit) => {
    const read = parse(text);
    expect(read).toMatchObject({ expr: text.trim(), metric, kind, operator });
    expect(read.limit).toBe(limit);
  });

  it.each<[string, Threshold["percentile"]]>([
    ["p999<1s", { of: "", at: 99.9 }],
    ["service.p50<1s", { of: "service", at: 50 }],
    ["max<1s", null],
  ])("%j names the percentile", (text, percentile) => {
    expect(parse(text).percentile).toEqual(percentile);
  });

  it.each([
    ["p99<200", "has no unit", "200ms"],
    ["p99<0", "has no unit", "0ms"],
    ["p99<2h", '"h" is no unit', "2ms"],
    ["p99<fast", '"fast" is not a number', "200ms"],
    ["p99<-5ms", "not a number", "200ms"],
    ["p99<1e3ms", "no unit", "1ms"],
    ["p99<", '"" is not a number', "200ms"],
    ["p99<1m30s", '"m30s" is no unit', "1ms"],
    ["errors<5", "more than all", "5% or 0.05"],
    ["errors<101%", "more than all", "0.5%"],
    ["errors<5ms", "no unit of a share", "5% or 0.05"],
    ["rate>5M", '"M" is no unit', "1000/s"],
    ["rate>5%", '"%" is no unit', "1000/s"],
    ["dropped<1.5", "not a whole number", "whole number"],
    ["dropped<99999999999999999999", "not a whole number", "whole number"],
    ["dropped<1k", "no unit", "whole number"],
    ["instances.spread<2x", "no unit", "1.2"],
    [`p99<${"9".repeat(400)}ms`, "too large", "200ms"],
    ["p99", "compares nothing", "quotes"],
    ["", "compares nothing", "quotes"],
    ["p99=200ms", '"=" is no comparison', "=="],
    ["p99=<200ms", '"=<" is no comparison', "<="],
    ["p99=>200ms", "no comparison", ">="],
    ["p99!=200ms", "no comparison", "one of"],
    ["p99<<200ms", "no comparison", "one of"],
    ["<200ms", "no metric stands before", "use one of"],
    ["p98x<1s", '"p98x" is no metric', "p9"],
    ["error<1%", '"error" is no metric', "did you mean errors?"],
    ["P99<1s", '"P99" is no metric', "did you mean p99?"],
    ["servce.p99<1s", '"servce.p99" is no metric', "did you mean service.p99?"],
    ["p100<1s", "no metric", "below 100"],
    ["speed<1s", "no metric", "use one of max, mean"],
    ["p0<1s", "no metric", "above 0"],
    ["p<1s", "no metric", ""],
    ["other.p99<1s", "no metric", ""],
    ["toString<1", "no metric", ""],
    ["__proto__<1", "no metric", ""],
    ["rate>5constructor", "no unit", ""],
  ])("%j is refused", (text, fault, hint) => {
    const error = thrown(text);
    expect(error).toMatchObject({
      code: "USAGE",
      details: { flag: "--threshold", value: text, allowed: expect.stringMatching(/./) },
    });
    expect(error.message).toMatch(/^--threshold: "/);
    expect(error.message).toContain(fault);
    expect(error.hint).toContain(hint);
  });

  it("says which metrics there are", () => {
    expect(thrown("speed<1").details).toMatchObject({
      allowed: expect.stringMatching(/^max, mean, errors, .*p50, .*, service\.p99\.9, .*lag\.p99\.99$/),
    });
  });

  it("shows what was given harmlessly, and not all of it when it is long", () => {
    expect(thrown("a\u001b[2J<1").message).toContain("a\\x1b[2J");
    expect(thrown("x".repeat(1000)).message.length).toBeLessThan(120);
  });
});

const metric = fc.oneof(
  fc.constantFrom(...Object.entries(METRICS.named)).map(([name, kind]) => ({ name, kind })),
  fc
    .tuple(fc.constantFrom("", "service.", "lag."), fc.integer({ min: 1000, max: 99_999 }))
    .map(([of, at]) => ({ name: `${of}p${at / 1000}`, kind: "latency" as const })),
);

function limitOf(kind: MetricKind): fc.Arbitrary<number> {
  if (kind === "count") return fc.maxSafeNat();
  const max = kind === "share" ? 1 : Number.MAX_VALUE;
  return fc.double({ min: 0, max, noNaN: true }).map((value) => value + 0);
}

const threshold = metric.chain(({ name, kind }) =>
  fc.record({
    metric: fc.constant(name),
    kind: fc.constant(kind),
    operator: fc.constantFrom("<", "<=", ">", ">=", "==" as const),
    limit: limitOf(kind),
  }),
);

describe("formatThreshold", () => {
  it.each([
    ["p999 <= 1.5s", "p99.9<=1500ms"],
    ["errors<0.007", "errors<0.7%"],
    ["rate>=1k", "rate>=1000/s"],
    ["dropped == 0", "dropped==0"],
    ["p50<0.0000001us", "p50<0.0000000001ms"],
  ])("%j is %j in its one form", (text, form) => {
    expect(formatThreshold(parse(text))).toBe(form);
  });

  it("is read back to the same numbers", () => {
    fc.assert(
      fc.property(threshold, (each) => {
        const text = formatThreshold(each);
        const read = parse(text);
        expect(read).toMatchObject(each);
        expect(read.limit).toBe(each.limit);
        expect(formatThreshold(read)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("reads the same with spaces anywhere between the parts", () => {
    const space = fc.constantFrom("", " ", "  ", "\t");
    fc.assert(
      fc.property(threshold, space, space, space, (each, a, b, c) => {
        const value = writeMetricValue(each.kind, each.limit);
        const read = parse(`${c}${each.metric}${a}${each.operator}${b}${value}${c}`);
        expect(formatThreshold(read)).toBe(formatThreshold(each));
      }),
    );
  });

  it("never takes rubbish for a threshold, nor throws anything but USAGE", () => {
    const rubbish = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.stringMatching(/^[a-z.0-9 ]{0,8}[<>=!]{0,3}[ 0-9a-z.%/-]{0,8}$/),
    );
    fc.assert(
      fc.property(rubbish, (text) => {
        try {
          const read = parse(text);
          expect(Number.isFinite(read.limit) && read.limit >= 0).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: "USAGE" });
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("judgeThreshold", () => {
  const measured = {
    named: { errors: 0.004, rate: 990, dropped: 0, max: null, mean: Number.NaN },
    percentile: (of: string, at: number) => (of === "lag" ? null : of === "service" ? 7 : at),
  };

  it.each<[string, number | null, boolean]>([
    ["errors<0.5%", 0.004, true],
    ["errors<0.4%", 0.004, false],
    ["errors<=0.4%", 0.004, true],
    ["rate>=1k", 990, false],
    ["rate>989", 990, true],
    ["rate>990", 990, false],
    ["rate>=990", 990, true],
    ["dropped==0", 0, true],
    ["dropped==1", 0, false],
    ["p99.9<100ms", 99.9, true],
    ["p999<99.9ms", 99.9, false],
    ["service.p50<8ms", 7, true],
    ["lag.p99<1s", null, false],
    ["max<1s", null, false],
    ["mean<1s", null, false],
    ["instances.spread<9", null, false],
  ])("%s is %d: %s", (text, value, ok) => {
    expect(judgeThreshold(parse(text), measured)).toEqual({ value, ok });
  });

  it("is not kept by a percentile that nobody can tell", () => {
    expect(judgeThreshold(parse("p99<1s"), { named: {} })).toEqual({ value: null, ok: false });
  });

  it("agrees with the order of numbers, whatever the unit", () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(1_000_000), (value, limit) => {
        const judge = (operator: string) =>
          judgeThreshold(parse(`max${operator}${limit}us`), { named: { max: value / 1000 } }).ok;
        expect(judge("<")).toBe(value < limit);
        expect(judge(">=")).toBe(!judge("<"));
        expect(judge(">")).toBe(!judge("<="));
        expect(judge("==")).toBe(value === limit);
      }),
    );
  });
});
