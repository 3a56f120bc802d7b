import { cpus } from "node:os";
import type { Store } from "../../store/store.ts";
import type { Threshold } from "../../verdict/threshold.ts";
import type { BenchPlan } from "../bench-plan.ts";
import { type BenchThreshold, benchThresholds } from "../judge/judge-run.ts";
import { Histograms } from "../latency-histogram.ts";
import type { BenchResult, FindMaxStep } from "../result.ts";
import { type BenchOptions, benchPlan } from "./bench-options.ts";
import { benchEnvironment } from "./environment.ts";
import { atRate, findMax } from "./find-max.ts";
import { FollowedService } from "./follow-service.ts";
import { fitOpenFiles } from "./open-files.ts";
import { probe } from "./probe.ts";
import type { RunProgress } from "./run-plan.ts";
import { type Instances, NO_INSTANCES, runSeries } from "./run-series.ts";

export interface BenchRequest {
  readonly options: BenchOptions;
  /** As `--threshold` takes them. */
  readonly thresholds: readonly string[];
  /** End early when a threshold is broken so many ms after the beginning; null: never. */
  readonly abortAfterMs: number | null;
  readonly runs: number;
  /** Look for the highest rate at which it holds, and so do the thresholds; null: do not. */
  readonly findMax: Threshold | null;
  /** Of the coordination store; asked for only when the target is a service. */
  readonly store: () => Promise<Store>;
  /** dcs's own version, for the record. */
  readonly version: string;
  readonly cwd: string;
  /** The plan that will be run, before anything is sent but the probe. */
  readonly onPlan?: (plan: BenchPlan) => Promise<void>;
  readonly onProgress?: (progress: RunProgress & { readonly run: number }, plan: BenchPlan) => void;
  readonly onStep?: (step: FindMaxStep) => void;
  /** Before the first measurement: ends it with its reason. Later: what was measured is told. */
  readonly signal: AbortSignal;
}

const FIND_MAX = { start: 100, limit: 1_000_000 };

/**
 * One benchmark, from the first request to the verdict. Rejects with USAGE, BENCH_UNREACHABLE, SERVICE_NOT_FOUND, or what opening
 * the target's backend rejects with; a verdict that is no, or none, is a result.
 */
export async function runBench(request: BenchRequest): Promise<BenchResult> {
  const { options, signal } = request;
  const thresholds = benchThresholds(request.thresholds);
  const wanted = fitOpenFiles(benchPlan(startOf(options, request.findMax), cpus().length));
  const { target } = wanted;
  await using followed =
    target.kind === "service" ? await FollowedService.open(await request.store(), target, signal) : null;
  const instances = followed ?? NO_INSTANCES;
  const [{ plan, notes }, histograms, environment] = await Promise.all([
    probe(wanted, instances.now, signal),
    Histograms.load(),
    benchEnvironment(request.version, request.cwd),
  ]);
  await request.onPlan?.(plan);
  const series = (each: BenchPlan, own: readonly BenchThreshold[], runs: number) =>
    runSeries({
      ...{ plan: each, thresholds: own, runs, instances, histograms, environment, notes, signal },
      abortAfterMs: request.abortAfterMs,
      onProgress: (progress) => request.onProgress?.(progress, each),
    });
  if (request.findMax === null) return series(plan, thresholds, request.runs);
  const own = [{ threshold: request.findMax, isDefault: false }, ...thresholds];
  return searchMax(request, plan, (rate) => series(atRate(plan, rate), own, 1));
}

/** A search begins at `--rate`, or where nearly everything holds. */
function startOf(options: BenchOptions, sought: Threshold | null): BenchOptions {
  return sought === null || options.rate !== undefined ? options : { ...options, rate: FIND_MAX.start };
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
    signal,
  });
  return { ...best, findMax: found };
}

export type { Instances };
