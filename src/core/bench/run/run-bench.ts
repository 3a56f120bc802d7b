import type { Threshold } from "../../verdict/threshold.ts";
import type { BenchPlan } from "../bench-plan.ts";
import { type BenchThreshold, benchThresholds } from "../judge/judge-run.ts";
import type { BenchResult, FindMaxStep } from "../result.ts";
import { atRate, findMax } from "./find-max.ts";
import type { RunProgress } from "./run-plan.ts";
import { BenchSession, type SessionOptions } from "./session.ts";

export interface BenchRequest extends SessionOptions {
  /** As `--threshold` takes them. */
  readonly thresholds?: readonly string[];
  /** End a run early when a threshold is broken so many ms after its beginning, or later. */
  readonly abortAfterMs?: number | null;
  /** 1 */
  readonly runs?: number;
  /** Look for the highest rate at which it holds, and so do the thresholds. */
  readonly findMax?: Threshold | null;
  /** The plan that will be run, before anything is sent but the probe. */
  readonly onPlan?: (plan: BenchPlan) => Promise<void>;
  readonly onProgress?: (progress: RunProgress & { readonly run: number }, plan: BenchPlan) => void;
  readonly onStep?: (step: FindMaxStep) => void;
}

/** Where a search begins and ends, per second, and how long a step is. */
const FIND_MAX = { start: 100, limit: 1_000_000, stepMs: 5000 };

/** One benchmark, from the first request to the verdict. Rejects as `BenchSession.open`; a verdict that is no, or none, is a result. */
export async function runBench(request: BenchRequest): Promise<BenchResult> {
  const { runs = 1, findMax: sought = null, abortAfterMs = null } = request;
  const thresholds = benchThresholds(request.thresholds ?? []);
  await using session = await BenchSession.open(
    sought === null ? request : { ...request, options: searchOptions(request) },
  );
  const { plan } = session;
  await request.onPlan?.(plan);
  const measure = (each: BenchPlan, own: readonly BenchThreshold[], times: number) =>
    session.measure({
      ...{ plan: each, thresholds: own, runs: times, abortAfterMs },
      onProgress: (progress) => request.onProgress?.(progress, each),
    });
  // Awaited here: the session must not end, and with it what it follows, before what is measured.
  if (sought === null) return await measure(plan, thresholds, runs);
  const own = [{ threshold: sought, isDefault: false }, ...thresholds];
  return await searchMax(request, plan, (rate) => measure(atRate(plan, rate), own, 1));
}

/** A search begins at `--rate`, or where nearly everything holds. */
function searchOptions({ options }: BenchRequest): BenchRequest["options"] {
  return { rate: FIND_MAX.start, durationMs: FIND_MAX.stepMs, ...options };
}

async function searchMax(
  { onStep, signal }: BenchRequest,
  { stages }: BenchPlan,
  tryRate: (rate: number) => Promise<BenchResult>,
): Promise<BenchResult> {
  const { found, best } = await findMax({
    tryRate,
    start: stages?.[0]?.from ?? FIND_MAX.start,
    limit: FIND_MAX.limit,
    onStep: (step) => onStep?.(step),
    ...(signal === undefined ? {} : { signal }),
  });
  return { ...best, findMax: found };
}
