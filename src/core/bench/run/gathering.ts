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
  /** Some requests wait before they are sent; without it the service time is the latency. */
  readonly hasService: boolean;
  /** Of the measurement; null where a number of requests ends it. */
  readonly durationMs: number | null;
}

interface Slice {
  readonly counts: Counts;
  readonly latency: LatencyHistogram;
  readonly lag: LatencyHistogram;
  /** How much of it lies within the measurement. */
  seconds: number;
  /** Answered well in it, and sent in the warm-up. */
  carried: number;
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
  #durationMs: number;
  #bytes = 0;
  #okWithin = 0;

  constructor(options: GatheringOptions) {
    this.#o = options;
    const { histograms, workers, hasService, durationMs } = options;
    this.#durationMs = durationMs ?? Number.POSITIVE_INFINITY;
    this.latency = histograms.create();
    this.service = hasService ? histograms.create() : this.latency;
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
    const { histograms } = this.#o;
    const latency = histograms.decode(report.latency);
    const lag = histograms.decode(report.lag);
    this.latency.add(latency);
    if (this.#o.hasService) this.service.add(histograms.decode(report.service));
    this.lag.add(lag);
    this.errorLatency.add(histograms.decode(report.errorLatency));
    addCounts(this.#counts, report.counts);
    this.#bytes += report.bytes;
    this.#lagOf[worker] = lag.percentile(99);
    for (const error of report.errors) this.#noteError(error);
    for (const { index, counts, latency: of } of report.instances)
      this.#tally(index, counts, histograms.decode(of));
    if (this.#secondsOf(report.index) > 0) this.#okWithin += report.counts.ok + report.carried;
    this.#addSlice(report, latency, lag);
  }

  /** Puts another run's behind this one's. */
  merge(other: Gathering): void {
    this.latency.add(other.latency);
    if (this.#o.hasService) this.service.add(other.service);
    this.lag.add(other.lag);
    this.errorLatency.add(other.errorLatency);
    addCounts(this.#counts, other.#counts);
    this.#bytes += other.#bytes;
    this.#okWithin += other.#okWithin;
    for (const error of other.errors()) this.#noteError(error);
    for (const [index, { counts, latency }] of other.#instances) this.#tally(index, counts, latency);
    this.#slices.push(...other.#within());
  }

  /** It was measured for so long: less than planned when it was stopped. */
  end(durationMs: number): void {
    this.#durationMs = durationMs;
    for (const [index, slice] of this.#slices.entries()) slice.seconds = this.#secondsOf(index);
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

  /** Answered well per second, in the time of which all workers have told; NaN before that. */
  get rateSoFar(): number {
    const told = this.#complete();
    const ok = told.reduce((sum, { counts, carried }) => sum + counts.ok + carried, 0);
    return ok / told.reduce((sum, { seconds }) => sum + seconds, 0);
  }

  /** The slices within the measurement; of the one that is not complete yet only at the end. */
  series(isEnded = true): readonly SeriesPoint[] {
    const slices = isEnded ? this.#within() : this.#complete();
    let endS = 0;
    const ends = slices.map(({ seconds }) => {
      endS += seconds;
      return endS;
    });
    return slices.map(({ counts, latency, lag, seconds }, index) => ({
      atS: ends[index] ?? 0,
      seconds,
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

  #complete(): readonly Slice[] {
    return this.#within().filter(({ reported }) => reported === this.#o.workers);
  }

  #within(): readonly Slice[] {
    return this.#slices.filter(({ seconds }) => seconds > 0);
  }

  /** 0 when it lies after the end. */
  #secondsOf(index: number): number {
    const { sliceMs } = this.#o;
    return Math.min(Math.max(this.#durationMs - index * sliceMs, 0), sliceMs) / 1000;
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

  #addSlice({ index, counts, carried }: SliceReport, latency: LatencyHistogram, lag: LatencyHistogram): void {
    const { histograms } = this.#o;
    for (let at = this.#slices.length; at <= index; at++) {
      this.#slices.push({
        counts: none(),
        latency: histograms.create(),
        lag: histograms.create(),
        seconds: this.#secondsOf(at),
        carried: 0,
        reported: 0,
      });
    }
    const slice = this.#slices[index] as Slice;
    slice.reported += 1;
    slice.carried += carried;
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
