import { DcsError } from "../errors.ts";
import { nearest } from "../util/nearest.ts";
import { printable } from "../util/printable.ts";
import { shortened } from "../util/shortened.ts";
import type { MetricKind } from "./metric.ts";
import { readMetricValue, writeMetricValue } from "./metric-value.ts";

export type ThresholdOperator = "<" | "<=" | ">" | ">=" | "==";

/** What a caller can hold to a limit. */
export interface ThresholdMetrics {
  /** Metrics by name, and the kind of each. */
  readonly named: Readonly<Record<string, MetricKind>>;
  /** What has percentiles, which are latencies: `""` for `p99`, `service` for `service.p99`. */
  readonly percentiles: readonly string[];
}

/** `p99<200ms`, understood. */
export interface Threshold {
  /** As it was given, without the spaces around it. */
  readonly expr: string;
  /** The metric's name; of a percentile in its one form: `p99.9`, also when `p999` was written. */
  readonly metric: string;
  readonly kind: MetricKind;
  /** Set for percentiles only: of what (`""` without a prefix), and which, above 0 and below 100. */
  readonly percentile: { readonly of: string; readonly at: number } | null;
  readonly operator: ThresholdOperator;
  /** In the kind's unit: ms, a share from 0 to 1, per second, a count, a ratio. */
  readonly limit: number;
}

/** What was measured, in the units of {@link Threshold.limit}. */
export interface MeasuredValues {
  /** By name; what is null or missing was not measured. */
  readonly named: Readonly<Record<string, number | null>>;
  /** `of` as in {@link Threshold.percentile}; null when it was not measured. */
  readonly percentile?: (of: string, at: number) => number | null;
}

const OPERATORS: Readonly<Record<ThresholdOperator, (value: number, limit: number) => boolean>> = {
  "<": (value, limit) => value < limit,
  "<=": (value, limit) => value <= limit,
  ">": (value, limit) => value > limit,
  ">=": (value, limit) => value >= limit,
  "==": (value, limit) => value === limit,
};

/** Those that people ask for; others are understood too. */
const USUAL_PERCENTILES = ["p50", "p90", "p95", "p99", "p99.9", "p99.99"];
const PERCENTILE = /^(?:(.+)\.)?p(?:([1-9]\d?(?:\.\d{1,3})?)|99(\d{1,3}))$/;
const NO_PERCENTILE = /^p\d+(?:\.\d+)?$/;
const PARTS = /^([^<>=!]*)([<>=!]+)(.*)$/s;
const SHOWN = 60;

/**
 * The one grammar of thresholds: `METRIC OP VALUE[UNIT]`, spaces allowed, with `<`, `<=`, `>`, `>=` or `==`. Percentiles are
 * written `p99`, `p99.9` or `p999`. Throws USAGE, which names `flag`, what was given and what is allowed.
 */
export function parseThreshold(text: string, flag: string, metrics: ThresholdMetrics): Threshold {
  const expr = text.trim();
  const shown = printable(shortened(expr, SHOWN));
  const fail = (fault: string, allowed: string, hint: string): never => {
    throw new DcsError("USAGE", `${flag}: "${shown}": ${fault}`, {
      hint,
      details: { flag, value: text, allowed },
    });
  };
  const all = allowedMetrics(metrics);
  const [, left = "", operator = "", right = ""] = PARTS.exec(expr) ?? [];
  const name = left.trim();
  if (operator === "") {
    const hint = "write METRIC OP VALUE in quotes, or the shell takes < and > for files: 'p99<200ms'";
    return fail("it compares nothing", "METRIC < VALUE, and <=, >, >=, ==", hint);
  }
  if (!isOperator(operator)) {
    return fail(`"${operator}" is no comparison`, "<, <=, >, >=, ==", meant(operator));
  }
  const metric = findMetric(name, metrics);
  if (metric === null) {
    return fail(
      name === "" ? "no metric stands before the comparison" : `"${printable(name)}" is no metric here`,
      all.join(", "),
      hintForMetric(name, all),
    );
  }
  const limit = readMetricValue(metric.kind, right.trim());
  if (typeof limit !== "number") return fail(limit.fault, limit.allowed, limit.hint);
  return { expr, ...metric, operator, limit };
}

/** Whether what was measured keeps to it. A metric that was not measured does not. */
export function judgeThreshold(
  { metric, percentile, operator, limit }: Threshold,
  measured: MeasuredValues,
): { readonly value: number | null; readonly ok: boolean } {
  const found =
    percentile === null
      ? Object.hasOwn(measured.named, metric)
        ? measured.named[metric]
        : null
      : measured.percentile?.(percentile.of, percentile.at);
  if (found === null || found === undefined || !Number.isFinite(found)) return { value: null, ok: false };
  return { value: found, ok: OPERATORS[operator](found, limit) };
}

/** The threshold in its one form, which {@link parseThreshold} reads back to the same numbers: `p99.9<=1500ms`. */
export function formatThreshold({
  metric,
  kind,
  operator,
  limit,
}: Pick<Threshold, "metric" | "kind" | "operator" | "limit">): string {
  return `${metric}${operator}${writeMetricValue(kind, limit)}`;
}

function isOperator(text: string): text is ThresholdOperator {
  return Object.hasOwn(OPERATORS, text);
}

function meant(operator: string): string {
  if (operator === "=" || operator === "===") return "write ==";
  if (operator === "=<") return "write <=";
  if (operator === "=>") return "write >=";
  return "use one of <, <=, >, >=, ==";
}

function findMetric(
  name: string,
  { named, percentiles }: ThresholdMetrics,
): Pick<Threshold, "metric" | "kind" | "percentile"> | null {
  const kind = Object.hasOwn(named, name) ? named[name] : undefined;
  if (kind !== undefined) return { metric: name, kind, percentile: null };
  const [match, of = "", digits, nines] = PERCENTILE.exec(name) ?? [];
  if (match === undefined || !percentiles.includes(of)) return null;
  const at = Number(digits ?? `99.${nines}`);
  return {
    metric: `${of === "" ? "" : `${of}.`}p${at}`,
    kind: "latency",
    percentile: { of, at },
  };
}

function allowedMetrics({ named, percentiles }: ThresholdMetrics): readonly string[] {
  const prefixed = percentiles.flatMap((of) =>
    USUAL_PERCENTILES.map((each) => (of === "" ? each : `${of}.${each}`)),
  );
  return [...Object.keys(named), ...prefixed];
}

function hintForMetric(name: string, all: readonly string[]): string {
  if (NO_PERCENTILE.test(name)) return "percentiles are above 0 and below 100: p50, p99, p99.9";
  const guess = nearest(name.toLowerCase(), all);
  if (guess !== null) return `did you mean ${guess}?`;
  return `use one of ${all.join(", ")}`;
}
