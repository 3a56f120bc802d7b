import type { MetricKind } from "../../verdict/metric.ts";
import { formatMetric } from "../../verdict/metric.ts";
import type { ComparisonResult, MetricComparison, RunStatistics } from "../result.ts";
import { numbers, plotted, plural, share, text, toned, words } from "./number-cells.ts";
import type { ChartSeries, ReportCell, ReportSection, Tone } from "./report.ts";
import { firstRows } from "./thin-table.ts";

/** What each metric is called, and what it counts. */
export const COMPARED: Readonly<
  Record<keyof RunStatistics, { readonly label: string; readonly kind: MetricKind }>
> = {
  p50: { label: "p50", kind: "latency" },
  p90: { label: "p90", kind: "latency" },
  p99: { label: "p99", kind: "latency" },
  mean: { label: "mean", kind: "latency" },
  rate: { label: "rate", kind: "rate" },
  errorRate: { label: "error rate", kind: "share" },
};

/** What is said of a metric. */
export const OUTCOMES: Readonly<Record<MetricComparison["outcome"], readonly [string, Tone]>> = {
  better: ["better", "good"],
  worse: ["worse", "bad"],
  same: ["the same", "quiet"],
  unclear: ["cannot be said", "doubtful"],
};

/** `+12.3%`; of the error rate, whose change is a difference, `+0.4 points`. */
export function describeChange({ metric, change }: Pick<MetricComparison, "metric" | "change">): string {
  const size = describeSize(metric, Math.abs(change));
  return change === 0 || !/[1-9]/.test(size) ? size : `${change > 0 ? "+" : "-"}${size}`;
}

function describeSize(metric: keyof RunStatistics, change: number): string {
  if (!Number.isFinite(change)) return "–";
  return metric === "errorRate" ? share(change).replace("%", " points") : `${(100 * change).toFixed(1)}%`;
}

/** Which metrics differ, and how sure that is. */
export function comparisonTable(result: ComparisonResult): ReportSection {
  const { a, b, metrics, minEffect, alpha } = result;
  const rows = metrics.map((each): readonly ReportCell[] => {
    const { label, kind } = COMPARED[each.metric];
    const [words, tone] = OUTCOMES[each.outcome];
    return [
      label,
      formatMetric(kind, each.a),
      formatMetric(kind, each.b),
      describeChange(each),
      formatProbability(each.adjustedP),
      describeSize(each.metric, each.detectable),
      toned(words, tone),
    ];
  });
  const columns = [...words("metric"), ...numbers("A", "B", "change", "p", "detectable"), ...words("B is")];
  return {
    id: "comparison",
    title: "Comparison",
    about:
      `A is ${text(a.name)} (${plural(a.runs.length, "run")}), B is ${text(b.name)} (${plural(b.runs.length, "run")}). ` +
      `Medians of the runs; Mann-Whitney U, corrected for the number of metrics (Holm), at ${alpha}. ` +
      `A change of less than ${share(minEffect)} does not matter; detectable is the smallest that so many runs could show.`,
    isBrief: true,
    table: firstRows(columns, rows),
    chart: null,
  };
}

/** One metric of each run of both sides; null when neither has one. */
export function comparedRuns(result: ComparisonResult, metric: keyof RunStatistics): ReportSection | null {
  const { a, b } = result;
  const most = Math.max(a.runs.length, b.runs.length);
  if (most === 0) return null;
  const { label, kind } = COMPARED[metric];
  const side = (
    name: string,
    runs: readonly RunStatistics[],
    look: Pick<ChartSeries, "colour" | "style">,
  ) => ({
    label: name,
    ...look,
    values: Array.from({ length: most }, (_, index) => plotted(runs[index]?.[metric] ?? null)),
  });
  const cell = (run: RunStatistics | undefined) => formatMetric(kind, run?.[metric] ?? null);
  return {
    id: `runs-${metric.toLowerCase()}`,
    title: `${label} of each run`,
    about: `A dot is a run of A, ${text(a.name)}; a ring is one of B, ${text(b.name)}.`,
    isBrief: false,
    table: firstRows(
      numbers("run", "A", "B"),
      Array.from({ length: most }, (_, index) => [
        String(index + 1),
        cell(a.runs[index]),
        cell(b.runs[index]),
      ]),
    ),
    chart: {
      label: `${label} of each run: ${plural(a.runs.length, "run")} of A, ${plural(b.runs.length, "run")} of B.`,
      x: { label: "run", scale: "run" },
      y: { label, kind, scale: null },
      xs: Array.from({ length: most }, (_, index) => index + 1),
      series: [
        side("A", a.runs, { colour: "blue", style: "dots" }),
        side("B", b.runs, { colour: "orange", style: "rings" }),
      ],
      marks: [],
    },
  };
}

/** Three digits; of less than a thousandth only that. */
function formatProbability(p: number): string {
  if (!Number.isFinite(p)) return "–";
  return p < 0.001 ? "< 0.001" : p.toFixed(3);
}
