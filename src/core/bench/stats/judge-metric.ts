import type { MetricComparison, RunStatistics } from "../result.ts";
import { detectable, pooled, spread } from "./detectable.ts";
import { mannWhitney } from "./mann-whitney.ts";
import { median } from "./median.ts";

/** A change of the error rate that matters, however small the base is: one request in a thousand. */
export const ERROR_EFFECT = 0.001;

export type Metric = keyof RunStatistics;

/** A metric as it was measured on both sides, before anything is judged. */
export interface MeasuredMetric {
  readonly metric: Metric;
  readonly a: number;
  readonly b: number;
  readonly change: number;
  readonly p: number;
  /** By rank: 1 when the runs of B tend to have the larger values, -1 when those of A, 0 when neither. */
  readonly tendency: number;
  /** From run to run, in the unit of `change`. */
  readonly noise: number;
  /** The smallest change that matters, in the unit of `change`. */
  readonly effect: number;
  /** All runs of both sides have the same value: there is nothing to test. */
  readonly isConstant: boolean;
  /** Why it cannot be compared at all. */
  readonly problem: string | null;
  /** The values, in the order of the runs. */
  readonly values: { readonly a: readonly number[]; readonly b: readonly number[] };
}

export interface Judging {
  readonly adjustedP: number;
  /** What the adjusted p must be below. */
  readonly alpha: number;
  /** How many metrics share alpha. */
  readonly family: number;
  readonly isJudged: boolean;
}

/**
 * A metric is its median over the runs, so that one run gone astray does not make it. The error rate is its mean: requests that fail
 * in every third run only are not 0. Its change is absolute; of the others it is relative to A.
 */
export function measure(
  metric: Metric,
  runs: { readonly a: readonly RunStatistics[]; readonly b: readonly RunStatistics[] },
  minEffect: number,
): MeasuredMetric {
  const values = { a: runs.a.map((run) => run[metric]), b: runs.b.map((run) => run[metric]) };
  const all = [...values.a, ...values.b];
  const isConstant = all.every((value) => value === all[0]);
  const problem = problemOf(metric, values.a, "A") ?? problemOf(metric, values.b, "B");
  if (problem !== null) {
    const [a, b] = [
      middle(metric, values.a.filter(Number.isFinite)),
      middle(metric, values.b.filter(Number.isFinite)),
    ];
    return {
      metric,
      a,
      b,
      change: 0,
      p: 1,
      tendency: 0,
      noise: Number.NaN,
      effect: minEffect,
      isConstant,
      problem,
      values,
    };
  }
  const [a, b] = [middle(metric, values.a), middle(metric, values.b)];
  const isAbsolute = metric === "errorRate";
  const sides = [values.a, values.b].map((side, index) => ({
    n: side.length,
    spread: spread(side) / (isAbsolute ? 1 : index === 1 && b > 0 ? b : a),
  }));
  const { u, p } = mannWhitney(values.a, values.b);
  return {
    metric,
    a,
    b,
    change: isAbsolute ? b - a : (b - a) / a,
    p,
    tendency: Math.sign((values.a.length * values.b.length) / 2 - u),
    noise: pooled(sides),
    effect: isAbsolute ? Math.max(ERROR_EFFECT, minEffect * a) : minEffect,
    isConstant,
    problem,
    values,
  };
}

/** The outcome of a metric, with all that it came of. */
export function judgeMetric(measured: MeasuredMetric, judging: Judging): MetricComparison {
  const { metric, a, b, change, p, noise, values } = measured;
  const { adjustedP, alpha, family, isJudged } = judging;
  const design = { n: values.a.length, m: values.b.length, alpha: alpha / family };
  const shown = detectable(noise, design);
  return {
    metric,
    a,
    b,
    change,
    p,
    adjustedP,
    detectable: Number.isFinite(shown) ? shown : 1,
    outcome: outcomeOf(
      measured,
      adjustedP < alpha,
      () => shown <= measured.effect || isRuledOut(measured, alpha),
    ),
    isJudged,
  };
}

/**
 * `worse` and `better`: significant, and as large as asked for. `same`: smaller than that, and a change as large as asked for would
 * have been found, or is ruled out. `unclear`: the runs differ too much among themselves.
 */
function outcomeOf(
  { metric, change, tendency, effect, problem }: MeasuredMetric,
  isSignificant: boolean,
  isLargeOneExcluded: () => boolean,
): MetricComparison["outcome"] {
  if (problem !== null) return "unclear";
  // How 5% is written in binary must not decide.
  const isLarge = change !== 0 && Math.abs(change) >= effect * (1 - 1e-9);
  if (!isLarge) return isLargeOneExcluded() ? "same" : "unclear";
  // One wild run may make the mean rise where most runs have less.
  if (!isSignificant || Math.sign(change) !== tendency) return "unclear";
  return change > 0 === (metric === "rate") ? "better" : "worse";
}

/**
 * Do the runs themselves show that B is neither better nor worse by the effect? A moved by it, up and down, must be significantly
 * above and below B: two one-sided tests (Schuirmann, 1987) at half of alpha each. All metrics of a verdict must pass, so that many
 * of them make no false alarm more likely, and Holm has no part in it. Not for errors: ranks do not see how bad the one run was in
 * which everything failed, and the mean does.
 */
function isRuledOut({ metric, values: { a, b }, effect }: MeasuredMetric, alpha: number): boolean {
  if (metric === "errorRate") return false;
  const half = (a.length * b.length) / 2;
  const moved = (by: number) =>
    mannWhitney(
      a.map((value) => value * (1 + by)),
      b,
    );
  const [up, down] = [moved(effect), moved(-effect)];
  return up.p < alpha && up.u > half && down.p < alpha && down.u < half;
}

function middle(metric: Metric, values: readonly number[]): number {
  if (values.length === 0) return 0;
  return metric === "errorRate"
    ? values.reduce((sum, value) => sum + value, 0) / values.length
    : median(values);
}

function problemOf(metric: Metric, values: readonly number[], side: "A" | "B"): string | null {
  const isLatency = metric !== "rate" && metric !== "errorRate";
  // The latency of a run without answers is written as 0, which would be the best there is.
  const isMissing = (value: number) => !Number.isFinite(value) || value < 0 || (isLatency && value === 0);
  const missing = values.filter(isMissing).length;
  if (missing > 0) return `${missing} of ${values.length} runs of ${side} have no answers to measure it by`;
  return metric === "rate" && side === "A" && median(values) === 0
    ? "most runs of A were not answered at all"
    : null;
}
