import { formatMetric } from "../../verdict/metric.ts";
import { judgeThreshold, parseThreshold, type Threshold } from "../../verdict/threshold.ts";
import type { Verdict } from "../../verdict/verdict.ts";
import type { ThresholdResult } from "../result.ts";
import { BENCH_METRICS, fewestFor, type Measured, measuredValues } from "./bench-metrics.ts";
import type { Doubt } from "./doubts.ts";

export interface Judgement {
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  readonly thresholds: readonly ThresholdResult[];
}

/** What must hold when nobody has said anything about errors. */
const DEFAULT_THRESHOLD = "error_rate<=1%";
const ABOUT_ERRORS: readonly string[] = ["error_rate", "errors"];

/** Reads `--threshold`s, and adds what dcs asks by itself. USAGE for what is none. */
export function benchThresholds(texts: readonly string[]): readonly BenchThreshold[] {
  const given = texts.map((text) => parseThreshold(text, "--threshold", BENCH_METRICS));
  const asked = given.map((threshold) => ({ threshold, isDefault: false }));
  if (given.some(({ metric }) => ABOUT_ERRORS.includes(metric))) return asked;
  return [
    ...asked,
    { threshold: parseThreshold(DEFAULT_THRESHOLD, "--threshold", BENCH_METRICS), isDefault: true },
  ];
}

export interface BenchThreshold {
  readonly threshold: Threshold;
  readonly isDefault: boolean;
}

/** The thresholds held to what was measured. */
export function judgeThresholds(
  thresholds: readonly BenchThreshold[],
  measured: Measured,
): readonly (ThresholdResult & { readonly threshold: Threshold })[] {
  const values = measuredValues(measured);
  return thresholds.map(({ threshold, isDefault }) => {
    const { value, ok } = judgeThreshold(threshold, values);
    return { expr: threshold.expr, value, ok, isDefault, threshold };
  });
}

/**
 * The verdict. FAIL: a threshold is broken, and no doubt explains it away. INVALID: there is a doubt, or too little was measured.
 * PASS: everything asked for holds, and nothing speaks against the numbers.
 */
export function judgeRun(
  thresholds: readonly BenchThreshold[],
  measured: Measured,
  doubts: readonly Doubt[],
): Judgement {
  const judged = judgeThresholds(thresholds, measured);
  const results = judged.map(({ expr, value, ok, isDefault }) => ({ expr, value, ok, isDefault }));
  const broken = judged.filter(({ ok, value }) => !ok && value !== null);
  const isSure = ({ threshold }: { readonly threshold: Threshold }) =>
    !doubts.some(({ distorts }) => distorts === "all" || (distorts === "latency" && isTime(threshold)));
  const certain = broken.filter(isSure).map(sayBroken);
  const reasons = doubts.map(({ reason }) => reason);
  if (certain.length > 0) return { verdict: "FAIL", reasons: [...certain, ...reasons], thresholds: results };
  const missing = judged.flatMap((each) => {
    const why = notMeasured(each, measured);
    return why === null ? [] : [why];
  });
  const invalid = [...reasons, ...missing];
  if (invalid.length > 0) {
    const unproved = broken.map((each) => `${sayBroken(each)}, which proves nothing then`);
    return { verdict: "INVALID", reasons: [...invalid, ...unproved], thresholds: results };
  }
  return { verdict: "PASS", reasons: judged.map(sayHeld), thresholds: results };
}

function isTime({ kind, metric }: Threshold): boolean {
  return kind === "latency" || metric === "instance_spread" || metric === "rate";
}

function sayBroken({ expr, value, threshold }: ThresholdResult & { readonly threshold: Threshold }): string {
  return `${threshold.metric} is ${formatMetric(threshold.kind, value)}, and ${expr} was asked for`;
}

function sayHeld({
  expr,
  value,
  threshold,
  isDefault,
}: ThresholdResult & { readonly threshold: Threshold }): string {
  return `${expr} holds: ${formatMetric(threshold.kind, value)}${isDefault ? " (asked for unless --threshold speaks of errors)" : ""}`;
}

/** Why a threshold cannot be judged; null when it can. */
function notMeasured(
  { expr, value, threshold }: ThresholdResult & { readonly threshold: Threshold },
  { latency }: Measured,
): string | null {
  if (value === null) return `${expr}: ${threshold.metric} was not measured`;
  if (threshold.percentile === null) return null;
  const needed = fewestFor(threshold.percentile.at);
  if (latency.count >= needed) return null;
  return `${expr}: ${threshold.metric} needs ${needed} requests at least, and ${latency.count} ${latency.count === 1 ? "was" : "were"} measured`;
}
