import type { DriverInstance } from "../drive/driver.ts";
import type { Histograms, LatencyHistogram } from "../latency-histogram.ts";
import type { SliceError, SliceInstance, SliceReport } from "../load/slice.ts";
import type { InstanceResult, LatencySummary, RequestCounts, SeriesPoint } from "../result.ts";

type Counts = { -readonly [K in keyof RequestCounts]: RequestCounts[K] };

/** The number of slices that may be kept; longer runs have longer slices. */
export interface GatheringOptions {
  readonly histograms: Histograms;
  readonly workers: number;
  readonly sliceMs: number;
  /** Slices that lie within the measurement; null where a number of requests ends it. */
  readonly slices: number | null;
}

interface Slice {
  readonly counts: Counts;
  readonly latency: LatencyHistogram;
  readonly lag: LatencyHistogram;
  /** Workers that have reported it. */
  reported: number;
}

interface InstanceTally {
  readonly counts: Omit<Counts, "dropped">;
  readonly latency: LatencyHistogram;
}

/** What all workers have seen, put together: histograms are added, and percentiles are taken of the sum. */
export class Gathering {
  readonly #o: GatheringOptions;
  readonly latency: LatencyHistogram;
  readonly service: LatencyHistogram;
  readonly lag: LatencyHistogram;
  readonly errorLatency: LatencyHistogram;
  readonly #counts: Counts = none();
  readonly #errors = new Map<string, { count: number; example: string }>();
  readonly #instances = new Map<number, InstanceTally>();
  readonly #slices: Slice[] = [];
  readonly #lagOf: number[];
  #bytes = 0;
  #okWithin = 0;

  constructor(options: GatheringOptions) {
    this.#o = options;
    const { histograms, workers } = options;
    this.latency = histograms.create();
    this.service = histograms.create();
    this.lag = histograms.create();
    this.errorLatency = histograms.create();
    this.#lagOf = Array.from({ length: workers }, () => 0);
  }

  get counts(): RequestCounts {
    return this.#counts;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Answered well between the measurement's beginning and its end, also what the warm-up sent. */
  get okWithin(): number {
    return this.#okWithin;
  }

  /** p99 of the last slice's lag, of each worker, in ms. */
  get lagOfWorkers(): readonly number[] {
    return this.#lagOf;
  }

  add(worker: number, report: SliceReport): void {
    const { histograms, slices } = this.#o;
    const latency = histograms.decode(report.latency);
    const lag = histograms.decode(report.lag);
    this.latency.add(latency);
    this.service.add(histograms.decode(report.service));
    this.lag.add(lag);
    this.errorLatency.add(histograms.decode(report.errorLatency));
    addCounts(this.#counts, report.counts);
    this.#bytes += report.bytes;
    this.#lagOf[worker] = lag.percentile(99);
    for (const error of report.errors) this.#noteError(error);
    for (const { index, counts, latency: of } of report.instances)
      this.#tally(index, counts, histograms.decode(of));
    if (slices === null || report.index < slices) this.#okWithin += report.counts.ok + report.carried;
    this.#addSlice(report, latency, lag);
  }

  /** Puts another run's behind this one's. */
  merge(other: Gathering): void {
    this.latency.add(other.latency);
    this.service.add(other.service);
    this.lag.add(other.lag);
    this.errorLatency.add(other.errorLatency);
    addCounts(this.#counts, other.#counts);
    this.#bytes += other.#bytes;
    this.#okWithin += other.#okWithin;
    for (const error of other.errors()) this.#noteError(error);
    for (const [index, { counts, latency }] of other.#instances) this.#tally(index, counts, latency);
    this.#slices.push(...other.#within());
  }

  /** Times of each percentile, for plots: closer and closer towards 100. */
  percentiles(): readonly (readonly [number, number])[] {
    return PLOTTED.map((percentile) => [percentile, this.latency.percentile(percentile)] as const);
  }

  errors(): readonly { readonly kind: string; readonly count: number; readonly example: string }[] {
    return [...this.#errors]
      .map(([kind, { count, example }]) => ({ kind, count, example }))
      .toSorted((a, b) => b.count - a.count);
  }

  instances(known: readonly DriverInstance[]): readonly InstanceResult[] {
    return [...this.#instances].flatMap(([index, { counts, latency }]) => {
      const instance = known.find((each) => each.index === index);
      if (instance === undefined) return [];
      const { endpoint, version } = instance;
      return [{ endpoint, version, requests: { ...counts }, latencyMs: summarise(latency) }];
    });
  }

  /** The slices within the measurement; of the one that is not complete yet only at the end. */
  series(isEnded = true): readonly SeriesPoint[] {
    const { sliceMs, workers } = this.#o;
    const within = this.#within();
    const complete = isEnded ? within : within.filter(({ reported }) => reported === workers);
    return complete.map(({ counts, latency, lag }, index) => ({
      atS: ((index + 1) * sliceMs) / 1000,
      seconds: sliceMs / 1000,
      ok: counts.ok,
      errors: counts.errors,
      timeouts: counts.timeouts,
      dropped: counts.dropped,
      p50: latency.percentile(50),
      p99: latency.percentile(99),
      max: latency.max,
      lagP99: lag.percentile(99),
    }));
  }

  #within(): readonly Slice[] {
    const { slices } = this.#o;
    return slices === null ? this.#slices : this.#slices.slice(0, slices);
  }

  #noteError({ kind, count, example }: SliceError): void {
    const seen = this.#errors.get(kind);
    if (seen === undefined) this.#errors.set(kind, { count, example });
    else seen.count += count;
  }

  #tally(index: number, counts: SliceInstance["counts"], latency: LatencyHistogram): void {
    const tally = this.#instances.get(index) ?? {
      counts: none(),
      latency: this.#o.histograms.create(),
    };
    this.#instances.set(index, tally);
    addCounts(tally.counts, counts);
    tally.latency.add(latency);
  }

  #addSlice({ index, counts }: SliceReport, latency: LatencyHistogram, lag: LatencyHistogram): void {
    const { histograms } = this.#o;
    for (let at = this.#slices.length; at <= index; at++) {
      this.#slices.push({
        counts: none(),
        latency: histograms.create(),
        lag: histograms.create(),
        reported: 0,
      });
    }
    const slice = this.#slices[index] as Slice;
    slice.reported += 1;
    addCounts(slice.counts, counts);
    slice.latency.add(latency);
    slice.lag.add(lag);
  }
}

/** 100 · (1 - 2^-k) and three steps between each, as HDR plots have it. */
const PLOTTED: readonly number[] = [
  0,
  ...Array.from({ length: 56 }, (_, step) => 100 * (1 - 2 ** (-(step + 1) / 4))),
  100,
];

export function summarise(histogram: LatencyHistogram): LatencySummary {
  return {
    mean: histogram.mean,
    p50: histogram.percentile(50),
    p90: histogram.percentile(90),
    p99: histogram.percentile(99),
    p999: histogram.percentile(99.9),
    max: histogram.max,
  };
}

function none(): Counts {
  return { sent: 0, ok: 0, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 };
}

function addCounts(to: Partial<Counts>, from: Partial<RequestCounts>): void {
  for (const key of Object.keys(from) as (keyof RequestCounts)[]) to[key] = (to[key] ?? 0) + (from[key] ?? 0);
}
