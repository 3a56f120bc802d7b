import type { ComparisonResult, RunStatistics } from "../../core/bench/result.ts";
import type { MetricKind } from "../../core/verdict/metric.ts";
import { formatMetric } from "../../core/verdict/metric.ts";
import type { Paint } from "../colour.ts";
import { layoutTable, printable } from "../text.ts";

const LABEL = 11;

const KINDS: Readonly<Record<keyof RunStatistics, MetricKind>> = {
  p50: "latency",
  p90: "latency",
  p99: "latency",
  mean: "latency",
  rate: "rate",
  errorRate: "share",
};

/** The comparison for people. */
export function comparisonLines(result: ComparisonResult, paint: Paint): readonly string[] {
  const { a, b, metrics, verdict, minEffect } = result;
  const colour = { PASS: paint.green, FAIL: paint.red, INVALID: paint.yellow }[verdict];
  const rows = metrics.map((each) => {
    const kind = KINDS[each.metric];
    return [
      each.metric === "errorRate" ? "error rate" : each.metric,
      formatMetric(kind, each.a),
      formatMetric(kind, each.b),
      signed(each.change),
      each.adjustedP.toPrecision(2),
      formatMetric("share", each.detectable),
      each.outcome,
    ];
  });
  const head = ["METRIC", "A", "B", "CHANGE", "P", "COULD SEE", "B IS"];
  return [
    `A  ${printable(a.name)}, ${a.runs.length} runs`,
    `B  ${printable(b.name)}, ${b.runs.length} runs`,
    "",
    ...(rows.length === 0 ? [] : [...layoutTable({ head, rows }, paint.bold), ""]),
    ...result.reasons
      .map(printable)
      .map((reason, index) =>
        index === 0
          ? `${colour(paint.bold(verdict.padEnd(LABEL - 1)))} ${reason}`
          : `${" ".repeat(LABEL)}${reason}`,
      ),
    ...result.notes.map(printable).map((note) => paint.dim(`${"note".padEnd(LABEL)}${note}`)),
    paint.dim(
      `${"note".padEnd(LABEL)}changes below ${formatMetric("share", minEffect)} do not matter (--min-effect)`,
    ),
  ];
}

function signed(change: number): string {
  const text = formatMetric("share", Math.abs(change));
  return change > 0 ? `+${text}` : change < 0 ? `-${text}` : text;
}
