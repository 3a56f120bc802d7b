import type { Verdict } from "../verdict/verdict.ts";

/** What sends the requests. Results of two engines are never compared. */
export type BenchEngine = "autocannon" | "loop" | "pacer";

/** `max`: closed loop, how much it can take. `rate`: open loop, on a schedule that waits for nobody. */
export type BenchMode = "max" | "rate";

/** Milliseconds, of all requests that a histogram holds. All 0 when it is empty. */
export interface LatencySummary {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface RequestCounts {
  /** Handed to the target; the sum of the four below. */
  readonly sent: number;
  readonly ok: number;
  /** Answered with an error, refused, reset, or not understood. */
  readonly errors: number;
  /** Not answered within the limit of a request. */
  readonly timeouts: number;
  /** Still without an answer when the run was stopped. */
  readonly unfinished: number;
  /** Due by the schedule, and never sent: too many were in flight. Not part of `sent`. */
  readonly dropped: number;
}

/** One instance of the service that is the target. */
export interface InstanceResult {
  /** `host:port`. */
  readonly endpoint: string;
  readonly version: string | null;
  readonly requests: Pick<RequestCounts, "sent" | "ok" | "errors" | "timeouts" | "unfinished">;
  readonly latencyMs: LatencySummary;
}

export interface ThresholdResult {
  /** As it was given: `p99<200ms`. */
  readonly expr: string;
  /** In the unit of the metric (ms, share from 0 to 1, requests, requests per second); null when there was nothing to measure. */
  readonly value: number | null;
  readonly ok: boolean;
  /** True for what dcs asks by itself, when nobody said anything about errors. */
  readonly isDefault: boolean;
}

/** One second (the last may be shorter) of a run. */
export interface SeriesPoint {
  /** Seconds since the measurement began, at the end of the slice. */
  readonly atS: number;
  readonly seconds: number;
  readonly ok: number;
  readonly errors: number;
  readonly timeouts: number;
  readonly dropped: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** p99 of the pacer's lag; 0 in max mode. */
  readonly lagP99: number;
}

/** What two results must have in common to be compared. */
export interface BenchEnvironment {
  readonly dcs: string;
  readonly node: string;
  readonly os: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly host: string;
  /** A hash of what makes the machine (not its name). */
  readonly fingerprint: string;
  /** Commit of the working directory; null outside a repository. */
  readonly gitSha: string | null;
}

/** The statistics of one run, which are the replicates of a comparison. Times in ms, rate in ok per second, error rate from 0 to 1. */
export interface RunStatistics {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly mean: number;
  readonly rate: number;
  readonly errorRate: number;
}

/** How the requests were sent: what must be the same in two results to be compared. */
export interface BenchSetup {
  readonly engine: BenchEngine;
  readonly mode: BenchMode;
  /** In `METHOD` or the words of the protocol. */
  readonly operation: string;
  /** Null in rate mode when it grows as it must. */
  readonly connections: number | null;
  readonly workers: number;
  /** Null where a number of requests ends it. */
  readonly durationMs: number | null;
  readonly warmupMs: number;
  /** Requests per second; of stages the highest. Null in max mode. */
  readonly rate: number | null;
}

/** One benchmark: the `data` of `dcs bench --json`. */
export interface BenchResult {
  readonly verdict: Verdict;
  /** In words, the worst first; also why it passed. */
  readonly reasons: readonly string[];
  /** True of the run, and no reason to fail it. */
  readonly notes: readonly string[];
  readonly engine: BenchEngine;
  readonly mode: BenchMode;
  readonly target: string;
  readonly startedAt: string;
  /** How long it was measured; without warm-up and the wait for the last answers. */
  readonly durationMs: number;
  readonly setup: BenchSetup;
  readonly requests: RequestCounts;
  /** Requests per second. `offered` is null in max mode; `achieved` counts what was answered well. */
  readonly rate: { readonly offered: number | null; readonly achieved: number };
  readonly bytesPerS: number;
  /**
   * From when a request was due (in max mode: sent) until its answer was there: of all that were answered well, and of timeouts
   * and unfinished ones, which count with the time that they had at least.
   */
  readonly latencyMs: LatencySummary;
  /** From when it was sent. The difference to `latencyMs` is what it waited for a connection. */
  readonly serviceMs: LatencySummary;
  /** How late the pacer was; null in max mode. */
  readonly pacerLagMs: LatencySummary | null;
  /** Of answers that are errors. */
  readonly errorLatencyMs: LatencySummary;
  /** By kind, the most frequent first: `503`, `ECONNREFUSED`, `timeout`. */
  readonly errors: readonly { readonly kind: string; readonly count: number; readonly example: string }[];
  /** Share of the time in which the busiest worker's event loop worked, 0 to 1. */
  readonly utilisation: number;
  readonly thresholds: readonly ThresholdResult[];
  readonly instances: readonly InstanceResult[];
  readonly series: readonly SeriesPoint[];
  /** `[percentile, ms]` of `latencyMs`, rising, for plots: denser towards 100. */
  readonly percentiles: readonly (readonly [number, number])[];
  /** How `latencyMs` is spread: up to so many ms (and above the one before), which share of all; no more than 16, none when empty. */
  readonly distribution: readonly { readonly upToMs: number; readonly share: number }[];
  /** One for each run, in order. */
  readonly runs: readonly RunStatistics[];
  readonly environment: BenchEnvironment;
  /** Who ended it before its time; null when it ran to its end. */
  readonly endedBy: "person" | "threshold" | null;
  /** Only with `--find-max`. */
  readonly findMax: FindMaxResult | null;
  /** Only with `--baseline`. */
  readonly comparison: ComparisonResult | null;
}

export interface FindMaxStep {
  readonly rate: number;
  readonly verdict: Verdict;
  /** Why, in words. */
  readonly reason: string;
  readonly achieved: number;
  readonly p50: number;
  readonly p99: number;
  readonly errorRate: number;
}

export interface FindMaxResult {
  /** The highest rate that held, per second; 0 when none did. */
  readonly rate: number;
  /**
   * What ended the search: the target broke a threshold, the generator could not send more, the highest rate that may be tried was
   * reached, or somebody stopped it, or it took too many steps.
   */
  readonly limitedBy: "target" | "generator" | "limit" | "stopped";
  readonly steps: readonly FindMaxStep[];
}

/** One metric of a comparison: A is the base, B is what is judged. */
export interface MetricComparison {
  readonly metric: keyof RunStatistics;
  /** False for what is only shown: it decides nothing. */
  readonly isJudged: boolean;
  /** Medians over the runs; of the error rate means. */
  readonly a: number;
  readonly b: number;
  /** (b - a) / a; of the error rate b - a. */
  readonly change: number;
  /** Mann-Whitney U, two-sided. */
  readonly p: number;
  /** After Holm, over all metrics. */
  readonly adjustedP: number;
  /** The smallest change that so many runs of this noise could show; 1 when they can show none. */
  readonly detectable: number;
  readonly outcome: "better" | "worse" | "same" | "unclear";
}

export interface ComparisonResult {
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  readonly notes: readonly string[];
  readonly a: { readonly name: string; readonly runs: readonly RunStatistics[] };
  readonly b: { readonly name: string; readonly runs: readonly RunStatistics[] };
  /** The smallest change that matters, 0 to 1. */
  readonly minEffect: number;
  readonly alpha: number;
  readonly metrics: readonly MetricComparison[];
}
