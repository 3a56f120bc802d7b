import type { Worker } from "node:worker_threads";
import { type BenchPlan, hasService } from "../bench-plan.ts";
import { sayTarget } from "../bench-target.ts";
import type { DriverInstance } from "../drive/driver.ts";
import { errorRate, type Measured } from "../judge/bench-metrics.ts";
import { type Doubt, doubtsOf, isBusy } from "../judge/doubts.ts";
import { type BenchThreshold, judgeRun, judgeThresholds } from "../judge/judge-run.ts";
import type { Histograms } from "../latency-histogram.ts";
import type { BenchEnvironment, BenchResult, BenchSetup, RunStatistics, ThresholdResult } from "../result.ts";
import { generatorCeiling } from "./calibrate.ts";
import { distributionOf } from "./distribution.ts";
import { Gathering, summarise } from "./gathering.ts";
import { type EarlyEnd, type RunOutcome, type RunProgress, runPlan } from "./run-plan.ts";

/** Who knows the instances of the target. */
export interface Instances {
  readonly now: readonly DriverInstance[];
  /** All that there ever were. */
  readonly all: readonly DriverInstance[];
  listen(listener: (instances: readonly DriverInstance[]) => void): () => void;
}

/** For targets that are no services. */
export const NO_INSTANCES: Instances = { now: [], all: [], listen: () => () => {} };

export interface RunSeriesOptions {
  readonly plan: BenchPlan;
  readonly thresholds: readonly BenchThreshold[];
  /** End a run early when a threshold is broken so long after its beginning, or later; null: never. */
  readonly abortAfterMs: number | null;
  readonly runs: number;
  readonly instances: Instances;
  readonly histograms: Histograms;
  /** As for `runPlan`. */
  readonly spare: Worker[];
  readonly environment: BenchEnvironment;
  /** True of the run, and told with it. */
  readonly notes: readonly string[];
  readonly onProgress?: (progress: RunProgress & { readonly run: number }) => void;
  /** Stops it; what was measured is told all the same. */
  readonly signal: AbortSignal;
}

/** Runs the plan once or several times, and judges what came of it. Rejects when a run could not be made at all. */
export async function runSeries(options: RunSeriesOptions): Promise<BenchResult> {
  const { plan, histograms, runs, signal } = options;
  const outcomes: RunOutcome[] = [];
  while (outcomes.length < runs && (outcomes.length === 0 || !signal.aborted)) {
    const outcome = await oneRun(options, outcomes.length);
    outcomes.push(outcome);
    if (outcome.endedBy !== null) break;
  }
  const ceiling = await ceilingOf(options, outcomes);
  const total = new Gathering({
    ...{ histograms, workers: plan.workers, sliceMs: plan.sliceMs, durationMs: null },
    hasService: hasService(plan),
  });
  for (const { gathering } of outcomes) total.merge(gathering);
  return resultOf({ ...options, ceiling }, outcomes, total);
}

/** Asked for only where the generator was so busy that it may have been its own limit. */
async function ceilingOf(
  { plan, histograms, signal }: RunSeriesOptions,
  outcomes: readonly RunOutcome[],
): Promise<number | null> {
  const wasBusy = outcomes.some(({ utilisation }) => isBusy(utilisation));
  return wasBusy && plan.mode === "max" && !signal.aborted
    ? generatorCeiling(plan, histograms, signal)
    : null;
}

interface Judged extends RunSeriesOptions {
  readonly ceiling: number | null;
}

function oneRun(options: RunSeriesOptions, run: number): Promise<RunOutcome> {
  const { plan, histograms, spare, instances, thresholds, abortAfterMs, signal, onProgress } = options;
  return runPlan({
    ...{ plan, histograms, spare, signal },
    instances: instances.now,
    onInstances: (listener) => instances.listen(listener),
    onProgress(progress): EarlyEnd | null {
      onProgress?.({ ...progress, run });
      const { gathering, elapsedMs, phase } = progress;
      if (abortAfterMs === null || phase !== "load" || elapsedMs < abortAfterMs) return null;
      const measured = {
        ...measuredOf(plan, gathering, elapsedMs, instances),
        achieved: gathering.rateSoFar,
      };
      return judgeThresholds(thresholds.filter(mayBeBrokenEarly), measured).some(isBroken)
        ? "threshold"
        : null;
    },
  });
}

/** What was not measured yet is not broken yet. */
function isBroken({ ok, value }: ThresholdResult): boolean {
  return !ok && value !== null;
}

/** What has to become many may still do so. */
function mayBeBrokenEarly({ threshold: { kind, operator } }: BenchThreshold): boolean {
  return kind !== "count" || operator === "<" || operator === "<=";
}

/** Answers after the end of a closed loop would make its rate look better than it was. */
function achievedRate({ mode }: BenchPlan, gathering: Gathering, durationMs: number): number {
  const ok = mode === "max" ? gathering.okWithin : gathering.counts.ok;
  return durationMs <= 0 ? 0 : ok / (durationMs / 1000);
}

function measuredOf(
  plan: BenchPlan,
  gathering: Gathering,
  durationMs: number,
  instances: Instances,
): Measured {
  const { counts, latency, service, lag } = gathering;
  return {
    ...{ counts, durationMs, latency, service, lag },
    achieved: achievedRate(plan, gathering, durationMs),
    instances: gathering.instances(instances.all),
  };
}

function resultOf(options: Judged, outcomes: readonly RunOutcome[], total: Gathering): BenchResult {
  const { plan, thresholds, instances, environment, notes } = options;
  const durationMs = outcomes.reduce((sum, outcome) => sum + outcome.durationMs, 0);
  const measured = measuredOf(plan, total, durationMs, instances);
  const utilisation = Math.max(...outcomes.map((outcome) => outcome.utilisation));
  const offered = outcomes[0]?.offered ?? null;
  const {
    verdict,
    reasons,
    thresholds: results,
  } = judgeRun(thresholds, measured, allDoubts(options, outcomes));
  const { latency, service, lag, errorLatency, counts } = total;
  return {
    ...{ verdict, reasons, notes: [...notes, ...notesOn(plan, thresholds, outcomes)] },
    ...{ engine: plan.engine, mode: plan.mode, target: sayTarget(plan.target) },
    startedAt: outcomes[0]?.startedAt ?? new Date().toISOString(),
    ...{ durationMs, setup: setupOf(plan), requests: { ...counts } },
    rate: { offered, achieved: measured.achieved },
    bytesPerS: durationMs === 0 ? 0 : total.bytes / (durationMs / 1000),
    latencyMs: summarise(latency),
    serviceMs: summarise(service),
    pacerLagMs: plan.mode === "rate" ? summarise(lag) : null,
    errorLatencyMs: summarise(errorLatency),
    errors: total.errors(),
    ...{ utilisation, thresholds: results, instances: measured.instances },
    series: total.series(),
    percentiles: total.percentiles(),
    distribution: distributionOf(total.latency),
    runs: outcomes.map((outcome) => statisticsOf(plan, outcome)),
    ...{ environment, endedBy: outcomes.at(-1)?.endedBy ?? null },
    ...{ findMax: null, comparison: null },
  };
}

/** Those of each run; one that several have is told once. */
function allDoubts({ plan, instances, ceiling }: Judged, outcomes: readonly RunOutcome[]): readonly Doubt[] {
  const all = outcomes.flatMap(({ gathering, durationMs, offered, utilisation }) =>
    doubtsOf({
      measured: measuredOf(plan, gathering, durationMs, instances),
      series: gathering.series(),
      errors: gathering.errors(),
      ...{ offered, utilisation, ceiling, workers: plan.workers, maxInFlight: plan.maxInFlight },
    }),
  );
  return all.filter(({ reason }, index) => all.findIndex((other) => other.reason === reason) === index);
}

function notesOn(
  { mode, target, requestTimeoutMs }: BenchPlan,
  thresholds: readonly BenchThreshold[],
  outcomes: readonly RunOutcome[],
): readonly string[] {
  const notes: string[] = [];
  if (mode === "max" && thresholds.some(({ threshold }) => threshold.kind === "latency")) {
    notes.push(
      "a latency of max mode is that of a target at its limit: to hold one to a threshold, give the --rate that it must serve",
    );
  }
  const timeouts = outcomes.reduce((sum, { gathering }) => sum + gathering.counts.timeouts, 0);
  if (timeouts > 0)
    notes.push(
      `latencies hold ${timeouts} requests without an answer, with the ${requestTimeoutMs} ms they had at least`,
    );
  const [last] = outcomes.slice(-1);
  if (last?.endedBy === "threshold") notes.push("it was ended early, since a threshold was broken");
  if (last?.endedBy === "person") notes.push("it was stopped early; these are the numbers until then");
  if (target.kind === "service") notes.push("instances were chosen by dcs's own balancer, by weight");
  return notes;
}

function setupOf(plan: BenchPlan): BenchSetup {
  const { engine, mode, connections, workers, durationMs, warmupMs, stages, target, http } = plan;
  const isHttp = target.kind === "http" || target.kind === "service";
  return {
    ...{ engine, mode, connections, workers, durationMs, warmupMs },
    operation: isHttp ? http.method : (plan.operation?.text ?? target.kind),
    rate: stages === null ? null : Math.max(...stages.flatMap(({ from, to }) => [from, to])),
  };
}

function statisticsOf(plan: BenchPlan, { gathering, durationMs }: RunOutcome): RunStatistics {
  const { latency, counts } = gathering;
  return {
    p50: latency.percentile(50),
    p90: latency.percentile(90),
    p99: latency.percentile(99),
    mean: latency.mean,
    rate: achievedRate(plan, gathering, durationMs),
    errorRate: errorRate(counts) ?? 0,
  };
}
