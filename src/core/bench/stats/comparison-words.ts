import type { Metric } from "./judge-metric.ts";

const LABEL: Readonly<Partial<Record<Metric, string>>> = {
  errorRate: "the error rate",
  rate: "the rate",
  mean: "the mean",
};

interface Changed {
  readonly metric: Metric;
  readonly a: number;
  readonly b: number;
  readonly change: number;
  readonly adjustedP: number;
}

export function labelOf(metric: Metric): string {
  return LABEL[metric] ?? metric;
}

/** `p = 0.004` */
export function sayP(p: number): string {
  // From 0.01 up with more digits: 0.0497 must not read as the 0.05 that it is below.
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(p < 0.01 ? 3 : 4)}`;
}

/** `p99 is 12% slower (41.2 → 46.1 ms, p = 0.004)` */
export function sayChange({ metric, a, b, change, adjustedP }: Changed): string {
  const p = sayP(adjustedP);
  const isMore = change > 0;
  if (metric === "errorRate") {
    return `${isMore ? "more" : "fewer"} requests fail: ${share(a)} → ${share(b)} (${p})`;
  }
  const size = percent(Math.abs(change), { maximumSignificantDigits: Math.abs(change) < 1 ? 2 : 3 });
  if (metric === "rate") {
    return `the rate is ${size} ${isMore ? "higher" : "lower"} (${between(a, b)} per second, ${p})`;
  }
  return `${labelOf(metric)} is ${size} ${isMore ? "slower" : "faster"} (${between(a, b)} ms, ${p})`;
}

/** `p99 +0.4%` */
export function sayShort({ metric, a, b, change }: Omit<Changed, "adjustedP">): string {
  if (metric === "errorRate") return `${labelOf(metric)} ${share(a)} → ${share(b)}`;
  return `${labelOf(metric)} ${percent(change, { maximumSignificantDigits: 3, signDisplay: "exceptZero" })}`;
}

/** `12.5%`, `5%`, `0.02%`: three digits that count, and no more. */
export function share(value: number): string {
  return percent(value, { maximumSignificantDigits: 3 });
}

function percent(value: number, options: Intl.NumberFormatOptions): string {
  // Of the noise of arithmetic nothing is said.
  return `${number(Math.abs(value) < 1e-9 ? 0 : value * 100, options)}%`;
}

/** `41.2 → 46.1`: with more digits where three would make them the same. */
function between(a: number, b: number): string {
  const say = (digits: number) => [a, b].map((value) => number(value, { maximumSignificantDigits: digits }));
  const [short, long] = [say(3), say(6)];
  return (short[0] === short[1] ? long : short).join(" → ");
}

function number(value: number, options: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat("en-US", options).format(value);
}
