import type { Histogram } from "hdr-histogram-js";

/** Longer times count as an hour. */
const LIMIT_US = 3_600_000_000;
const DIGITS = 3;

type Library = typeof import("hdr-histogram-js");

/**
 * Times with three significant digits, from 1 µs to 1 h, in milliseconds outside: an HDR histogram (Gil Tene's, in
 * hdr-histogram-js). Histograms are added; percentiles never are.
 */
export class LatencyHistogram {
  readonly #inner: Histogram;
  readonly #library: Library;
  #max = 0;

  constructor(library: Library, inner: Histogram | null = null) {
    this.#library = library;
    this.#inner =
      inner ??
      library.build({
        bitBucketSize: 32,
        lowestDiscernibleValue: 1,
        highestTrackableValue: LIMIT_US,
        numberOfSignificantValueDigits: DIGITS,
        useWebAssembly: false,
      });
    if (inner !== null) this.#max = inner.maxValue / 1000;
  }

  get count(): number {
    return this.#inner.totalCount;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.#inner.mean / 1000;
  }

  get max(): number {
    return this.#max;
  }

  record(ms: number): void {
    const us = Math.round(ms * 1000);
    this.#inner.recordValue(Math.min(Math.max(us, 1), LIMIT_US));
    if (ms > this.#max) this.#max = ms;
  }

  /** The time that `percentile` (0 to 100) of all are not above; 0 when it is empty. Never above the greatest time seen. */
  percentile(percentile: number): number {
    if (this.count === 0) return 0;
    return Math.min(this.#inner.getValueAtPercentile(percentile) / 1000, this.#max);
  }

  add(other: LatencyHistogram): void {
    if (other.count === 0) return;
    this.#inner.add(other.#inner);
    if (other.#max > this.#max) this.#max = other.#max;
  }

  reset(): void {
    this.#inner.reset();
    this.#max = 0;
  }

  /** For another thread, or a file; empty text when it is empty. */
  encode(): string {
    return this.count === 0 ? "" : this.#library.encodeIntoCompressedBase64(this.#inner);
  }
}

/** Makes histograms. */
export class Histograms {
  readonly #library: Library;

  private constructor(library: Library) {
    this.#library = library;
  }

  /** Loads the library. */
  static async load(): Promise<Histograms> {
    const loaded = await import("hdr-histogram-js");
    // It is CommonJS, whose names Node does not always find.
    const histograms = new Histograms(
      (loaded as unknown as { readonly default?: Library }).default ?? loaded,
    );
    histograms.#warmUp();
    return histograms;
  }

  /** The first time takes 4 ms, in which a load would stand still. */
  #warmUp(): void {
    const histogram = this.create();
    histogram.record(1);
    this.decode(histogram.encode());
  }

  create(): LatencyHistogram {
    return new LatencyHistogram(this.#library);
  }

  /** What `encode` wrote. */
  decode(text: string): LatencyHistogram {
    if (text === "") return this.create();
    return new LatencyHistogram(this.#library, this.#library.decodeFromCompressedBase64(text, 32, false));
  }
}
