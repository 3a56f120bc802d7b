import { decimal } from "../../verdict/decimal.ts";
import type { BenchResult } from "../result.ts";
import { latencyThresholds } from "./latency-marks.ts";
import { ms, numbers, plotted } from "./number-cells.ts";
import type { ReportSection } from "./report.ts";
import { thinTable } from "./thin-table.ts";

/**
 * Latency by percentile, on the scale of HdrHistogram's plots: x is 1 / (1 - p), so that 90, 99 and 99.9% are equally far
 * apart and the tail is seen (Gil Tene, hdrhistogram.github.io).
 */
export function percentileChart({
  percentiles,
  requests,
  thresholds,
  latencyMs,
}: BenchResult): ReportSection {
  const measured = requests.ok + requests.timeouts + requests.unfinished;
  const points = measured === 0 ? [] : hdrPoints(percentiles, measured);
  return {
    id: "percentiles",
    title: "Latency by percentile",
    about:
      "How long the slowest of ten, of a hundred, of a thousand requests took. Each step to the right is a tenth of the requests that are left.",
    isBrief: false,
    table: thinTable(
      numbers("percentile", "latency"),
      measured === 0 ? [] : percentiles,
      ([percentile, latency]) => [`${decimal(Number(percentile.toPrecision(8)))}%`, ms(latency)],
    ),
    chart: {
      label: `Latency by percentile: p50 ${ms(latencyMs.p50)}, p90 ${ms(latencyMs.p90)}, p99 ${ms(latencyMs.p99)}, p99.9 ${ms(latencyMs.p999)}, max ${ms(latencyMs.max)}.`,
      x: { label: "percentile", scale: "percentile" },
      y: { label: "latency", kind: "latency", scale: "linear" },
      xs: points.map(({ x }) => x),
      series: [
        { label: "latency", colour: "blue", style: "line", values: points.map(({ y }) => plotted(y)) },
      ],
      marks: latencyThresholds(thresholds).flatMap(({ expr, percentile, limit }) =>
        percentile === null || percentile.of !== ""
          ? []
          : [{ label: expr, x: hdrScale(percentile.at), y: limit }],
      ),
    },
  };
}

/** The longest of `measured` requests stands where one in as many is. */
function hdrPoints(
  percentiles: BenchResult["percentiles"],
  measured: number,
): readonly { readonly x: number; readonly y: number }[] {
  const points: { x: number; y: number }[] = [];
  for (const [percentile, y] of percentiles) {
    const x = percentile >= 100 ? measured : hdrScale(percentile);
    if (x > (points.at(-1)?.x ?? 0)) points.push({ x, y });
  }
  return points;
}

function hdrScale(percentile: number): number {
  return Number((100 / (100 - percentile)).toPrecision(8));
}
