import type { LatencyHistogram } from "../latency-histogram.ts";
import type { BenchResult } from "../result.ts";

/** What is asked of the histogram: every 0.25%. */
const STEPS = 400;
const MOST_BUCKETS = 16;
/** From one edge to the next, from fine to coarse; all are numbers that people count in. */
const LADDERS: readonly (readonly number[])[] = [
  [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8],
  [1, 1.5, 2, 3, 5, 7],
  [1, 2, 5],
  [1, 3],
  [1],
];
const DECADES = { first: -3, last: 7 };

/** The shares between round edges, as fine as fits. */
export function distributionOf(histogram: LatencyHistogram): BenchResult["distribution"] {
  if (histogram.count === 0) return [];
  const times = Array.from({ length: STEPS }, (_, step) =>
    histogram.percentile(((step + 0.5) / STEPS) * 100),
  );
  const [lowest, highest] = [histogram.percentile(0), histogram.max];
  for (const ladder of LADDERS) {
    const edges = edgesBetween(ladder, lowest, highest);
    if (edges.length <= MOST_BUCKETS || ladder.length === 1) return shares(times, edges);
  }
  return [];
}

function edgesBetween(ladder: readonly number[], lowest: number, highest: number): readonly number[] {
  const all: number[] = [];
  for (let decade = DECADES.first; decade <= DECADES.last; decade++) {
    for (const step of ladder) all.push(Number((step * 10 ** decade).toPrecision(3)));
  }
  const from = all.findIndex((edge) => edge >= lowest);
  const to = all.findIndex((edge) => edge >= highest);
  return all.slice(from, to + 1);
}

function shares(times: readonly number[], edges: readonly number[]): BenchResult["distribution"] {
  return edges.map((upToMs, index) => {
    const above = edges[index - 1] ?? Number.NEGATIVE_INFINITY;
    const within = times.filter((time) => time <= upToMs && time > above).length;
    return { upToMs, share: within / times.length };
  });
}
