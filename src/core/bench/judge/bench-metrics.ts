import type { MeasuredValues, ThresholdMetrics } from "../../verdict/threshold.ts";
import type { LatencyHistogram } from "../latency-histogram.ts";
import type { InstanceResult, RequestCounts } from "../result.ts";

/** What a threshold of a benchmark can name. */
export const BENCH_METRICS: ThresholdMetrics = {
  named: {
    mean: "latency",
    max: "latency",
    error_rate: "share",
    errors: "count",
    timeouts: "count",
    dropped: "count",
    requests: "count",
    rate: "rate",
    instance_spread: "ratio",
  },
  percentiles: ["", "service", "lag"],
};

/** What is judged: of one run, or of several together. */
export interface Measured {
  readonly counts: RequestCounts;
  readonly durationMs: number;
  /** Answered well per second. */
  readonly achieved: number;
  readonly latency: LatencyHistogram;
  readonly service: LatencyHistogram;
  readonly lag: LatencyHistogram;
  readonly instances: readonly InstanceResult[];
}

/**
 * Of all that came to an end, what was not answered well; null when nothing did. What was under way when the run was stopped is
 * neither good nor bad.
 */
export function errorRate({ sent, errors, timeouts, unfinished }: RequestCounts): number | null {
  const ended = sent - unfinished;
  return ended === 0 ? null : (errors + timeouts) / ended;
}

/** The p99 of the slowest instance, divided by the median of all; null with less than two. */
export function instanceSpread(instances: readonly InstanceResult[]): number | null {
  const sorted = instances.map(({ latencyMs }) => latencyMs.p99).toSorted((a, b) => a - b);
  if (sorted.length < 2) return null;
  const middle = sorted.length >> 1;
  const low = sorted[sorted.length % 2 === 0 ? middle - 1 : middle] ?? 0;
  const median = (low + (sorted[middle] ?? 0)) / 2;
  return median === 0 ? null : (sorted.at(-1) ?? 0) / median;
}

/** The values that thresholds are held to. */
export function measuredValues(measured: Measured): MeasuredValues {
  const { counts, achieved, latency, instances } = measured;
  const histogram = (of: string) =>
    of === "service" ? measured.service : of === "lag" ? measured.lag : latency;
  return {
    named: {
      mean: latency.count === 0 ? null : latency.mean,
      max: latency.count === 0 ? null : latency.max,
      error_rate: errorRate(counts),
      errors: counts.errors,
      timeouts: counts.timeouts,
      dropped: counts.dropped,
      requests: counts.sent,
      rate: achieved,
      instance_spread: instanceSpread(instances),
    },
    percentile: (of, at) => (histogram(of).count === 0 ? null : histogram(of).percentile(at)),
  };
}

/** How many requests a percentile needs before it is more than the greatest of a handful. */
export function fewestFor(percentile: number): number {
  return Math.ceil(100 / (100 - percentile) - 1e-9);
}
