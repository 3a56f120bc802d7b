import { formatMetric, type MetricKind } from "./metric.ts";

const WRITTEN: readonly (readonly [RegExp, MetricKind])[] = [
  [/\d\s*(?:us|µs|μs|ms|s|m)$/, "latency"],
  [/%$/, "share"],
  [/(?:\/s|k)$/, "rate"],
];

/** A measured value in the notation in which its threshold gives the limit: `41.2ms` for `p99<200ms`, `0.003` for `errors<0.005`. */
export function formatAsWritten(expr: string, value: number | null): string {
  const text = expr.trim();
  const kind = WRITTEN.find(([pattern]) => pattern.test(text))?.[1] ?? "ratio";
  return formatMetric(kind, value);
}
