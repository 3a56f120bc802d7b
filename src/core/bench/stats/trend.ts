import { median } from "./median.ts";
import { normalUpperTail } from "./normal.ts";

export interface Trend {
  readonly direction: "falling" | "rising" | "none";
  /** That values without a trend would be in an order like this one or a clearer one. */
  readonly p: number;
  /** From the first slice to the last, as a share of the median: -0.1 fell by 10%. */
  readonly change: number;
}

export interface TrendOptions {
  /** What p must be below: 0.01 unless told. Many runs are looked at, and each has its chance of a false alarm. */
  readonly alpha?: number;
  /** Smaller changes are no trend, however clear: 0 unless told. */
  readonly minChange?: number;
}

const FEWEST_SLICES = 6;
/** Longer series are thinned: every pair of slices is looked at. */
const MOST_SLICES = 600;

/**
 * Do the values, in order of time, still rise or fall? The test of Mann and Kendall (Kendall, "Rank Correlation Methods", 1975) in its
 * normal approximation, corrected for ties and continuity; the change is the slope of Theil and Sen (Sen, JASA 63, 1968). Values that
 * are not finite are left out; fewer than 6 have no trend. Slices without a single answer have no latency: leave them out.
 *
 * The test takes the slices for independent of each other. Where a slow slice draws the next one along, it sees trends too often.
 */
export function trend(values: readonly number[], { alpha = 0.01, minChange = 0 }: TrendOptions = {}): Trend {
  const slices = thinned(values.filter(Number.isFinite));
  if (slices.length < FEWEST_SLICES) return { direction: "none", p: 1, change: 0 };
  const { balance, slope } = pairs(slices);
  const p = kendallP(balance, slices);
  const change = relative(slope * (slices.length - 1), median(slices));
  const isTrend = p < alpha && change !== 0 && Math.abs(change) >= minChange;
  return { direction: isTrend ? (change < 0 ? "falling" : "rising") : "none", p, change };
}

/** How many more pairs rise than fall, and the median of the slopes of all pairs, per slice. */
function pairs(slices: readonly number[]): { readonly balance: number; readonly slope: number } {
  const slopes = new Float64Array((slices.length * (slices.length - 1)) / 2);
  let [balance, place] = [0, 0];
  for (const [at, earlier] of slices.entries()) {
    for (const [after, later] of slices.slice(at + 1).entries()) {
      balance += Math.sign(later - earlier);
      slopes[place] = (later - earlier) / (after + 1);
      place += 1;
    }
  }
  return { balance, slope: median(slopes) };
}

function kendallP(balance: number, slices: readonly number[]): number {
  const term = (size: number) => size * (size - 1) * (2 * size + 5);
  const ties = [...Map.groupBy(slices, (value) => value).values()].map((same) => same.length);
  const variance = (term(slices.length) - ties.reduce((sum, size) => sum + term(size), 0)) / 18;
  if (variance <= 0) return 1;
  return Math.min(1, 2 * normalUpperTail(Math.max(0, Math.abs(balance) - 1) / Math.sqrt(variance)));
}

/** Of a median of 0 there are no shares: all of it. */
function relative(change: number, middle: number): number {
  if (change === 0) return 0;
  return middle === 0 ? Math.sign(change) : change / Math.abs(middle);
}

/** Neighbours made into one by their median, so that few enough are left. */
function thinned(values: readonly number[]): readonly number[] {
  const size = Math.ceil(values.length / MOST_SLICES);
  if (size <= 1) return values;
  return Array.from({ length: Math.floor(values.length / size) }, (_, index) =>
    median(values.slice(index * size, (index + 1) * size)),
  );
}
