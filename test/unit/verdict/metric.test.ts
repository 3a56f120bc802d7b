import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decimal } from "../../../src/core/verdict/decimal.ts";
import { formatAsWritten } from "../../../src/core/verdict/format-as-written.ts";
import { formatMetric, type MetricKind } from "../../../src/core/verdict/metric.ts";

const KINDS: readonly MetricKind[] = ["latency", "share", "rate", "count", "ratio"];

describe("formatMetric", () => {
  it.each<[MetricKind, number | null, string]>([
    ["latency", 0, "0ms"],
    ["latency", 0.041, "0.041ms"],
    ["latency", 0.9999, "1ms"],
    ["latency", 1.005, "1ms"],
    ["latency", 9.876, "9.88ms"],
    ["latency", 41.24, "41.2ms"],
    ["latency", 200, "200ms"],
    ["latency", 999.4, "999ms"],
    ["latency", 999.6, "1s"],
    ["latency", 4125, "4.13s"],
    ["latency", 59_949, "59.9s"],
    ["latency", 59_951, "1m"],
    ["latency", 90_000, "1m30s"],
    ["latency", 3_600_000, "60m"],
    ["latency", -3, "-3ms"],
    ["share", 0, "0%"],
    ["share", 0.005, "0.5%"],
    ["share", 0.07, "7%"],
    ["share", 0.123456, "12.3%"],
    ["share", 0.99996, "99.996%"],
    ["share", 0.995, "99.5%"],
    ["share", 1, "100%"],
    ["share", 0.0000001, "0.00001%"],
    ["share", 2.5, "250%"],
    ["rate", 1234, "1,234/s"],
    ["rate", 1_234_567.8, "1,234,568/s"],
    ["rate", 0.5, "0.5/s"],
    ["rate", 99.96, "100/s"],
    ["count", 0, "0"],
    ["count", 60_000, "60,000"],
    ["ratio", 1.2345, "1.23"],
    ["latency", null, "–"],
    ["rate", Number.NaN, "–"],
    ["share", Number.POSITIVE_INFINITY, "–"],
  ])("a %s of %d is %s", (kind, value, text) => {
    expect(formatMetric(kind, value)).toBe(text);
  });

  it("is close to the number, and never an exponent", () => {
    const value = fc.double({ min: 0.01, max: 50_000, noNaN: true });
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), value, (kind, number) => {
        const text = formatMetric(kind, number);
        expect(text).toMatch(/^\d[\d,]*(?:\.\d+)?(?:ms|s|%|\/s)?$/);
        const read = Number.parseFloat(text.replaceAll(",", ""));
        const unit = kind === "share" ? 0.01 : /\ds$/.test(text) ? 1000 : 1;
        const slack = kind === "count" ? 0.5 : Math.max(0.0005, 0.0051 * number);
        expect(Math.abs(read * unit - number)).toBeLessThanOrEqual(slack);
      }),
    );
  });

  it("keeps a share that is not all from reading as all, and one that is not nothing as nothing", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }), (share) => {
        expect(["0%", "100%"]).not.toContain(formatMetric("share", share));
      }),
    );
  });
});

describe("decimal", () => {
  it.each([
    [0, 0, "0"],
    [0, 2, "0"],
    [1e21, 0, "1000000000000000000000"],
    [1.5e-7, 0, "0.00000015"],
    [0.007, 2, "0.7"],
    [0.5, 2, "50"],
    [123.45, 1, "1234.5"],
    [100, -2, "1"],
    [-2.5, 0, "-2.5"],
  ])("%d times 10^%d is %s", (value, shift, text) => {
    expect(decimal(value, shift)).toBe(text);
  });

  it("is the number itself, without an exponent", () => {
    const value = fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .filter((number) => !Object.is(number, -0));
    fc.assert(
      fc.property(value, fc.integer({ min: -6, max: 6 }), (number, shift) => {
        const text = decimal(number, shift);
        expect(text).toMatch(/^-?\d+(?:\.\d+)?$/);
        expect(Number(`${text}e${-shift}`)).toBe(number);
      }),
    );
  });
});

describe("formatAsWritten", () => {
  it.each([
    ["p99<200ms", 41.24, "41.2ms"],
    ["p99 < 1.5 s", 41.24, "41.2ms"],
    ["p99<2m", 41.24, "41.2ms"],
    ["lag.p99<900us", 0.2, "0.2ms"],
    ["errors<1%", 0.0031, "0.31%"],
    ["errors<0.005", 0.0031, "0.0031"],
    ["rate>=1000/s", 998.2, "998/s"],
    ["rate>=1k", 1204, "1,204/s"],
    ["rate>=1k/s", 1204, "1,204/s"],
    ["dropped==0", 12_345, "12,345"],
    ["p99<200ms", null, "–"],
  ])("%s: %d is %s", (expr, value, text) => {
    expect(formatAsWritten(expr, value)).toBe(text);
  });
});
