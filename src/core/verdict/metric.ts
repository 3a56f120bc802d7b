import { decimal } from "./decimal.ts";

/**
 * What a metric counts, and so the unit of its numbers: `latency` ms, `share` from 0 to 1, `rate` per second, `count` whole
 * things, `ratio` one thing divided by another.
 */
export type MetricKind = "latency" | "share" | "rate" | "count" | "ratio";

/** Shown where there is no number. */
const NOTHING = "–";
/** From here on, seconds with three digits would read as 60. */
const SHORTLY_A_MINUTE_MS = 59_950;

/** A number of this kind for people, rounded to three digits or so: `41.2ms`, `0.5%`, `1,234/s`; `–` when there is none. */
export function formatMetric(kind: MetricKind, value: number | null): string {
  if (value === null || !Number.isFinite(value)) return NOTHING;
  if (value < 0) return `-${formatMetric(kind, -value)}`;
  switch (kind) {
    case "latency":
      return formatLatency(value);
    case "share":
      return `${formatPercent(value * 100)}%`;
    case "rate":
      return `${rounded(value)}/s`;
    case "count":
      return grouped(Math.round(value));
    case "ratio":
      return rounded(value);
  }
}

/** Finer than a microsecond nothing is measured. */
function formatLatency(ms: number): string {
  if (ms < 999.5) return `${ms < 1 ? plain(Math.round(ms * 1000) / 1000) : rounded(ms)}ms`;
  if (ms < SHORTLY_A_MINUTE_MS) return `${significant(ms / 1000)}s`;
  const seconds = Math.round(ms / 1000);
  const rest = seconds % 60;
  return `${grouped(Math.floor(seconds / 60))}m${rest === 0 ? "" : `${rest}s`}`;
}

/** What is not all never reads as 100%, and what is not nothing never as 0%. */
function formatPercent(percent: number): string {
  if (percent <= 99 || percent >= 100) return rounded(percent);
  const digits = Math.min(12, 1 - Math.floor(Math.log10(100 - percent)));
  return plain(Number(percent.toFixed(digits)));
}

/** Three digits that count; of large numbers all before the point. */
function rounded(value: number): string {
  return value < 999.5 ? significant(value) : grouped(Math.round(value));
}

function significant(value: number): string {
  return plain(Number(value.toPrecision(3)));
}

function plain(value: number): string {
  return decimal(value);
}

function grouped(value: number): string {
  return decimal(value).replace(/\B(?=(?:\d{3})+$)/g, ",");
}
