import type {
  BenchResult,
  ComparisonResult,
  FindMaxResult,
  InstanceResult,
  LatencySummary,
  MetricComparison,
  RunStatistics,
  SeriesPoint,
} from "../../src/core/bench/result.ts";
import { seededRandom } from "../../src/core/util/seeded-random.ts";

const SECONDS = 60;
const RATE = 1000;
/** In these seconds the target stands still for a while, and what waited comes late. */
const STALLS: readonly number[] = [31, 32];

export const NO_LATENCY: LatencySummary = { mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };

/** Made once: it takes a while. */
let madeUp: ReturnType<typeof madeUpSeries> | undefined;

/** What 60 s at 1,000/s on a service of 8 ms look like, with a stall of two seconds and some errors. A PASS. */
export function benchResult(changes: Partial<BenchResult> = {}): BenchResult {
  madeUp ??= madeUpSeries(1);
  const { series, latencies } = madeUp;
  const errors = sumOf(series, "errors");
  const timeouts = sumOf(series, "timeouts");
  const latencyMs = summaryOf(latencies);
  return {
    verdict: "PASS",
    reasons: ["every threshold was kept", "60,000 requests were sent when they were due, none was dropped"],
    notes: ["the target stood still at 30s: 2 of 60 seconds hold half of the slow answers"],
    engine: "pacer",
    mode: "rate",
    target: "http://orders.internal:8080/v1/orders?limit=20",
    startedAt: "2026-11-23T15:04:05.678Z",
    durationMs: SECONDS * 1000,
    setup: {
      engine: "pacer",
      mode: "rate",
      operation: "GET",
      connections: null,
      workers: 2,
      durationMs: SECONDS * 1000,
      warmupMs: 5000,
      rate: RATE,
    },
    requests: {
      sent: SECONDS * RATE,
      ok: SECONDS * RATE - errors - timeouts,
      errors,
      timeouts,
      unfinished: 0,
      dropped: 0,
    },
    rate: { offered: RATE, achieved: (SECONDS * RATE - errors - timeouts) / SECONDS },
    bytesPerS: 1_843_200,
    latencyMs,
    serviceMs: scaled(latencyMs, 0.83),
    pacerLagMs: { mean: 0.021, p50: 0.014, p90: 0.041, p99: 0.188, p999: 0.71, max: 2.3 },
    errorLatencyMs: { mean: 2.1, p50: 1.9, p90: 3.2, p99: 6.4, p999: 8.8, max: 9.1 },
    errors: [
      { kind: "503", count: errors, example: "503 Service Unavailable: no healthy upstream" },
      { kind: "timeout", count: timeouts, example: "no answer within 5s" },
    ],
    utilisation: 0.23,
    thresholds: [
      { expr: "p99<500ms", value: latencyMs.p99, ok: latencyMs.p99 < 500, isDefault: false },
      { expr: "p50<20ms", value: latencyMs.p50, ok: true, isDefault: false },
      { expr: "rate>=990/s", value: 999.1, ok: true, isDefault: false },
      { expr: "errors<1%", value: (errors + timeouts) / (SECONDS * RATE), ok: true, isDefault: true },
    ],
    instances: [],
    series,
    percentiles: percentilesOf(latencies),
    distribution: [
      { upToMs: 10, share: 0.6 },
      { upToMs: 100, share: 0.4 },
    ],
    runs: [runOf(latencyMs, 999.1, 0.0009)],
    endedBy: null,
    environment: {
      dcs: "0.1.0",
      node: "24.21.0",
      os: "Linux 6.8.0 x64",
      cpu: "AMD EPYC 7R13",
      cores: 8,
      memoryBytes: 32 * 1024 ** 3,
      host: "ci-runner-7",
      fingerprint: "b3a1c9f04d72",
      gitSha: "4e428941c0ffee",
    },
    findMax: null,
    comparison: null,
    ...changes,
  };
}

/** Nothing was answered, nor even sent. */
export function emptyBenchResult(changes: Partial<BenchResult> = {}): BenchResult {
  return benchResult({
    verdict: "INVALID",
    reasons: ["no request was sent: the target refused the probe"],
    notes: [],
    durationMs: 0,
    requests: { sent: 0, ok: 0, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 },
    rate: { offered: RATE, achieved: 0 },
    bytesPerS: 0,
    latencyMs: NO_LATENCY,
    serviceMs: NO_LATENCY,
    pacerLagMs: NO_LATENCY,
    errorLatencyMs: NO_LATENCY,
    errors: [],
    utilisation: 0,
    thresholds: [{ expr: "p99<500ms", value: null, ok: false, isDefault: false }],
    series: [],
    percentiles: [],
    runs: [],
    ...changes,
  });
}

/** Closed loop on a service with three instances, one of them slow. A FAIL. */
export function serviceBenchResult(changes: Partial<BenchResult> = {}): BenchResult {
  const plain = benchResult();
  return benchResult({
    verdict: "FAIL",
    reasons: [
      "p99<50ms was broken: 72.4ms",
      "10.0.3.17:8080 is slower than the others: p99 412ms against 24.1ms",
    ],
    notes: ["latency in max mode is that of a saturated target"],
    engine: "autocannon",
    mode: "max",
    target: "service://orders@v2/v1/orders",
    setup: { ...plain.setup, engine: "autocannon", mode: "max", connections: 50, rate: null },
    rate: { offered: null, achieved: 8412.7 },
    pacerLagMs: null,
    thresholds: [
      { expr: "p99<50ms", value: 72.4, ok: false, isDefault: false },
      { expr: "errors<1%", value: 0.0009, ok: true, isDefault: true },
    ],
    instances: [
      instance("10.0.1.12:8080", "2.4.1", 1),
      instance("10.0.2.9:8080", "2.4.1", 1.07),
      instance("10.0.3.17:8080", "2.4.2-rc.1", 16),
      {
        ...instance("10.0.4.4:8080", null, 1),
        requests: { sent: 0, ok: 0, errors: 0, timeouts: 0, unfinished: 0 },
        latencyMs: NO_LATENCY,
      },
    ],
    series: plain.series.map((point) => ({ ...point, lagP99: 0, dropped: 0 })),
    ...changes,
  });
}

/** A search that ended because the target broke its threshold. */
export function findMaxResult(): FindMaxResult {
  const step = (rate: number, p99: number, verdict: "PASS" | "FAIL", reason: string) => ({
    rate,
    verdict,
    reason,
    achieved: Math.min(rate, 3900),
    p50: 4 + rate / 1000,
    p99,
    errorRate: verdict === "PASS" ? 0 : 0.004,
  });
  return {
    rate: 3600,
    limitedBy: "target",
    steps: [
      step(500, 11, "PASS", "p99 11ms"),
      step(1000, 12.5, "PASS", "p99 12.5ms"),
      step(2000, 17.2, "PASS", "p99 17.2ms"),
      step(4000, 188, "FAIL", "p99<50ms was broken: 188ms"),
      step(3000, 24.9, "PASS", "p99 24.9ms"),
      step(3500, 33.1, "PASS", "p99 33.1ms"),
      step(3750, 71.8, "FAIL", "p99<50ms was broken: 71.8ms"),
      step(3600, 41.6, "PASS", "p99 41.6ms"),
    ],
  };
}

/** Ten runs a side; B answers 12% slower. A FAIL. */
export function comparisonResult(changes: Partial<ComparisonResult> = {}): ComparisonResult {
  const a: RunStatistics = { p50: 8.02, p90: 13.1, p99: 24.8, mean: 8.9, rate: 998.2, errorRate: 0.0009 };
  const b: RunStatistics = { p50: 8.09, p90: 13.9, p99: 27.8, mean: 9.1, rate: 1061.4, errorRate: 0.0012 };
  const compare = (
    metric: keyof RunStatistics,
    outcome: MetricComparison["outcome"],
    adjustedP: number,
  ): MetricComparison => ({
    isJudged: true,
    metric,
    a: a[metric],
    b: b[metric],
    change: metric === "errorRate" ? b.errorRate - a.errorRate : b[metric] / a[metric] - 1,
    p: adjustedP / 3,
    adjustedP,
    detectable: metric === "errorRate" ? 0.002 : 0.041,
    outcome,
  });
  return {
    verdict: "FAIL",
    reasons: ["p99 is worse by 12.1% (p 0.0011)"],
    notes: ["p90 may have changed too, by less than so many runs can show"],
    a: { name: "main", runs: madeUpRuns(11, a) },
    b: { name: "this branch", runs: madeUpRuns(12, b) },
    minEffect: 0.05,
    alpha: 0.05,
    metrics: [
      compare("p50", "same", 0.71),
      compare("p90", "unclear", 0.083),
      compare("p99", "worse", 0.0011),
      compare("mean", "same", 0.42),
      compare("rate", "better", 0.0004),
      compare("errorRate", "same", 1),
    ],
    ...changes,
  };
}

/** Text that would break out of HTML, XML, JSON, Markdown and a terminal, if any of them let it. */
export const HOSTILE =
  '</script><img src=x onerror="window.pwned=1"> <!-- ]]> & \' ` | $& \u001b[2J\u0000 \u202e \ud800 \u2028 **b** [a](javascript:alert(1))';

/** Hostile text wherever the outside world can put any. */
export function hostileBenchResult(): BenchResult {
  const plain = benchResult({ verdict: "FAIL" });
  const { environment, setup } = plain;
  return {
    ...plain,
    reasons: [HOSTILE, "a plain reason"],
    notes: [HOSTILE],
    target: `http://x/${HOSTILE}`,
    setup: { ...setup, operation: HOSTILE },
    errors: [{ kind: HOSTILE, count: 3, example: HOSTILE }],
    thresholds: [{ expr: HOSTILE, value: 1, ok: false, isDefault: false }, ...plain.thresholds],
    instances: [{ ...instance(HOSTILE, HOSTILE, 2) }],
    environment: { ...environment, host: HOSTILE, cpu: HOSTILE, os: HOSTILE, gitSha: HOSTILE },
    findMax: {
      rate: 0,
      limitedBy: "limit",
      steps: [{ rate: 1, verdict: "INVALID", reason: HOSTILE, achieved: 1, p50: 1, p99: 2, errorRate: 0 }],
    },
    comparison: comparisonResult({
      a: { name: HOSTILE, runs: [] },
      b: { name: HOSTILE, runs: [] },
      reasons: [HOSTILE],
    }),
  };
}

function madeUpSeries(seed: number): {
  readonly series: readonly SeriesPoint[];
  readonly latencies: readonly number[];
} {
  const random = seededRandom(seed);
  const all: number[] = [];
  const series = Array.from({ length: SECONDS }, (_, index) => {
    const stalls = STALLS.includes(index);
    const latencies = Array.from({ length: RATE }, () => {
      // A log-normal body of 8 ms; whoever comes while nothing goes on waits for its end.
      const body = 8 * Math.exp(0.35 * normal(random));
      return body + (stalls && random() < 0.4 ? 420 * random() : 0);
    }).toSorted((a, b) => a - b);
    all.push(...latencies);
    const errors = random() < 0.3 ? Math.ceil(3 * random()) : 0;
    const timeouts = stalls ? 24 : 0;
    return {
      atS: index + 1,
      seconds: 1,
      ok: RATE - errors - timeouts,
      errors,
      timeouts,
      dropped: 0,
      p50: at(latencies, 0.5),
      p99: at(latencies, 0.99),
      max: at(latencies, 1),
      lagP99: 0.1 + 0.15 * random(),
    };
  });
  return { series, latencies: all.toSorted((a, b) => a - b) };
}

/** Each statistic of a run is about what it is in `typical`, give or take 2%. */
function madeUpRuns(seed: number, typical: RunStatistics): readonly RunStatistics[] {
  const random = seededRandom(seed);
  const about = (value: number) => value * (1 + 0.02 * normal(random));
  return Array.from({ length: 10 }, () => ({
    p50: about(typical.p50),
    p90: about(typical.p90),
    p99: about(typical.p99),
    mean: about(typical.mean),
    rate: about(typical.rate),
    errorRate: about(typical.errorRate),
  }));
}

function instance(endpoint: string, version: string | null, slower: number): InstanceResult {
  return {
    endpoint,
    version,
    requests: { sent: 20_000, ok: 19_980, errors: slower > 2 ? 20 : 0, timeouts: 0, unfinished: 0 },
    latencyMs: scaled({ mean: 8.9, p50: 8, p90: 13.1, p99: 24.1, p999: 40, max: 61 }, slower),
  };
}

function runOf({ p50, p90, p99, mean }: LatencySummary, rate: number, errorRate: number): RunStatistics {
  return { p50, p90, p99, mean, rate, errorRate };
}

function summaryOf(sorted: readonly number[]): LatencySummary {
  const mean = sorted.reduce((sum, each) => sum + each, 0) / sorted.length;
  return {
    mean,
    p50: at(sorted, 0.5),
    p90: at(sorted, 0.9),
    p99: at(sorted, 0.99),
    p999: at(sorted, 0.999),
    max: at(sorted, 1),
  };
}

function scaled({ mean, p50, p90, p99, p999, max }: LatencySummary, by: number): LatencySummary {
  return { mean: mean * by, p50: p50 * by, p90: p90 * by, p99: p99 * by, p999: p999 * by, max: max * by };
}

/** Ten points in each tenth of what is left, as HdrHistogram does. */
function percentilesOf(sorted: readonly number[]): BenchResult["percentiles"] {
  const points: (readonly [number, number])[] = [];
  for (let left = 1; left * sorted.length >= 1; left *= 0.8) {
    const percentile = 100 * (1 - left);
    points.push([percentile, at(sorted, percentile / 100)]);
  }
  return [...points, [100, at(sorted, 1)]];
}

function at(sorted: readonly number[], share: number): number {
  const ms = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return Math.round(ms * 1000) / 1000;
}

function sumOf(series: readonly SeriesPoint[], what: "errors" | "timeouts"): number {
  return series.reduce((sum, point) => sum + point[what], 0);
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
