import { printable } from "../../util/printable.ts";
import { formatMetric } from "../../verdict/metric.ts";
import type { ReportCell, ReportColumn, Tone } from "./report.ts";

/** Foreign text, harmless and whole. */
export function text(value: string): string {
  return printable(value.toWellFormed());
}

export function ms(value: number | null): string {
  return formatMetric("latency", value);
}

export function count(value: number): string {
  return formatMetric("count", value);
}

export function rate(value: number | null): string {
  return formatMetric("rate", value);
}

export function share(value: number | null): string {
  return formatMetric("share", value);
}

/** `part` of `whole` as a share; `–` of nothing. */
export function shareOf(part: number, whole: number): string {
  return share(whole > 0 ? part / whole : null);
}

export function toned(value: string, tone: Tone): ReportCell {
  return tone === "plain" ? value : { text: value, tone };
}

/** A count of something bad: quiet while there is none. */
export function faults(value: number): ReportCell {
  return toned(count(value), value > 0 ? "bad" : "quiet");
}

export function words(...labels: readonly string[]): readonly ReportColumn[] {
  return labels.map((label) => ({ label, isNumber: false }));
}

export function numbers(...labels: readonly string[]): readonly ReportColumn[] {
  return labels.map((label) => ({ label, isNumber: true }));
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** For the data of charts: more digits are not seen, only stored. Null where there is no number. */
export function plotted(value: number | null): number | null {
  return value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(4));
}
