import type { BenchPlan } from "../bench-plan.ts";
import { errorRate } from "../judge/bench-metrics.ts";
import type { BenchResult, FindMaxResult, FindMaxStep } from "../result.ts";

export interface FindMaxOptions {
  /** One step at this rate, judged. */
  readonly tryRate: (rate: number) => Promise<BenchResult>;
  /** The first rate that is tried. */
  readonly start: number;
  /** No higher rate is tried. */
  readonly limit: number;
  readonly onStep: (step: FindMaxStep) => void;
  readonly signal?: AbortSignal;
}

export interface FoundMax {
  readonly found: FindMaxResult;
  /** The step at the highest rate that held; else the last one. */
  readonly best: BenchResult;
}

/** Found when the lowest rate that failed is no further above the highest that held. */
const CLOSE = 1.05;
const MOST_STEPS = 24;
const LOWEST = 1;

/**
 * The highest rate at which everything asked for holds: doubled until it does not, then halved in between (on the logarithm) until
 * both are within 5%. A step without a verdict is made once more, for it may have been a moment's trouble of this machine; the second
 * one counts as one that did not hold, and says whose limit it was.
 */
export async function findMax({ tryRate, start, limit, onStep, signal }: FindMaxOptions): Promise<FoundMax> {
  const steps: FindMaxStep[] = [];
  let held: { readonly rate: number; readonly result: BenchResult } | null = null;
  let failed: { readonly rate: number; readonly isTarget: boolean } | null = null;
  let last: BenchResult | null = null;
  let doubted: number | null = null;
  let isFound = false;
  let rate = Math.min(start, limit);
  // Also when it was stopped before its first step: that one tells so, and ends at once.
  while (last === null || (steps.length < MOST_STEPS && signal?.aborted !== true)) {
    const result = await tryRate(rate);
    last = result;
    const step = stepOf(rate, result);
    steps.push(step);
    onStep(step);
    // What was cut off has held nothing, and broken nothing.
    if (result.endedBy === "person") break;
    if (result.verdict === "INVALID" && result.requests.dropped === 0 && doubted !== rate) {
      doubted = rate;
      continue;
    }
    if (result.verdict === "PASS") held = { rate, result };
    else failed = { rate, isTarget: result.verdict === "FAIL" || result.requests.dropped > 0 };
    isFound =
      held === null
        ? failed !== null && failed.rate <= LOWEST
        : held.rate >= limit || (failed !== null && failed.rate / held.rate <= CLOSE);
    if (isFound) break;
    rate = nextRate(held?.rate ?? null, failed?.rate ?? null, limit);
  }
  const limitedBy = !isFound
    ? "stopped"
    : failed === null
      ? "limit"
      : failed.isTarget
        ? "target"
        : "generator";
  return {
    found: { rate: held?.rate ?? 0, limitedBy, steps },
    best: { ...(held?.result ?? last), endedBy: last.endedBy },
  };
}

function nextRate(held: number | null, failed: number | null, limit: number): number {
  if (failed === null) return Math.min((held ?? LOWEST) * 2, limit);
  const between = held === null ? failed / 4 : Math.sqrt(held * failed);
  return Math.max(LOWEST, between >= 100 ? Math.round(between) : Math.round(between * 10) / 10);
}

function stepOf(rate: number, result: BenchResult): FindMaxStep {
  const { verdict, reasons, latencyMs, requests } = result;
  return {
    ...{ rate, verdict, reason: reasons[0] ?? "", achieved: result.rate.achieved },
    ...{ p50: latencyMs.p50, p99: latencyMs.p99, errorRate: errorRate(requests) ?? 0 },
  };
}

/** The plan at another rate. */
export function atRate(plan: BenchPlan, rate: number): BenchPlan {
  const { durationMs } = plan;
  return { ...plan, stages: [{ from: rate, to: rate, durationMs: durationMs ?? Number.POSITIVE_INFINITY }] };
}
