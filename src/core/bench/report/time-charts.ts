import type { BenchResult, SeriesPoint } from "../result.ts";
import { latencyThresholds } from "./latency-marks.ts";
import { count, faults, ms, numbers, plotted, rate } from "./number-cells.ts";
import type { ChartColour, ChartMark, ChartSeries, ReportSection } from "./report.ts";
import { thinTable } from "./thin-table.ts";

/** From so many times the usual on, the usual would lie flat on the axis of a linear scale. */
const WIDE = 25;

/** Latency in each second. */
export function latencyOverTime({ series, thresholds, mode }: BenchResult): ReportSection {
  const values = {
    p50: series.map((point) => answered(point, point.p50)),
    p99: series.map((point) => answered(point, point.p99)),
    max: series.map((point) => answered(point, point.max)),
  };
  const shown = latencyThresholds(thresholds).filter(({ metric }) => Object.hasOwn(values, metric));
  return {
    id: "latency-over-time",
    title: "Latency over time",
    about: `The p50, the p99 and the longest of each second, from when a request was ${mode === "rate" ? "due" : "sent"} until its answer was there. A gap is a second without answers.`,
    isBrief: false,
    table: thinTable(numbers("second", "p50", "p99", "max"), series, (point) => [
      second(point),
      ...[point.p50, point.p99, point.max].map((value) => ms(answered(point, value))),
    ]),
    chart: {
      label: `Latency over time, in a line each. ${spans(values, ms)}`,
      x: { label: "time since the start", scale: "seconds" },
      y: { label: "latency", kind: "latency", scale: isWide(values) ? "log" : "linear" },
      xs: series.map(({ atS }) => round(atS)),
      series: [
        line("p50", "blue", values.p50),
        line("p99", "orange", values.p99),
        line("max", "grey", values.max, "dashed"),
      ],
      marks: shown.map(({ expr, limit }) => ({ label: expr, x: null, y: limit })),
    },
  };
}

/** What became of the requests of each second. */
export function rateOverTime({ series, rate: rates, setup }: BenchResult): ReportSection {
  const per = (what: "ok" | "errors" | "timeouts" | "dropped") =>
    series.map((point) => (point.seconds > 0 ? point[what] / point.seconds : null));
  const values = {
    ok: per("ok"),
    errors: per("errors"),
    timeouts: per("timeouts"),
    dropped: per("dropped"),
  };
  const offered: readonly ChartMark[] =
    rates.offered === null || setup.rate === null
      ? []
      : [{ label: `offered ${rate(rates.offered)}`, x: null, y: rates.offered }];
  return {
    id: "rate-over-time",
    title: "Rate over time",
    about:
      "Answers per second: good ones, errors, and requests without an answer in time. Dropped ones were due and never sent, as too many were in flight.",
    isBrief: false,
    table: thinTable(numbers("second", "ok", "errors", "timeouts", "dropped"), series, (point) => [
      second(point),
      count(point.ok),
      faults(point.errors),
      faults(point.timeouts),
      faults(point.dropped),
    ]),
    chart: {
      label: `Answers per second over time, in a line each. ${spans(values, rate)}`,
      x: { label: "time since the start", scale: "seconds" },
      y: { label: "per second", kind: "rate", scale: "linear" },
      xs: series.map(({ atS }) => round(atS)),
      series: [
        line("ok", "blue", values.ok, "area"),
        line("errors", "red", values.errors),
        line("timeouts", "purple", values.timeouts, "dashed"),
        line("dropped", "orange", values.dropped, "dashed"),
      ],
      marks: offered,
    },
  };
}

/** How late the pacer was in each second; null in max mode, which has none. */
export function lagOverTime({ series, pacerLagMs, thresholds }: BenchResult): ReportSection | null {
  if (pacerLagMs === null) return null;
  const values = series.map(({ lagP99 }) => lagP99);
  const marks = latencyThresholds(thresholds)
    .filter(({ metric }) => metric === "lag.p99")
    .map(({ expr, limit }) => ({ label: expr, x: null, y: limit }));
  return {
    id: "pacer-lag",
    title: "Lag of the pacer",
    about:
      "How late this machine was in sending: the p99 of each second. It is the generator's fault and not the target's; where it grows, the numbers above are not to be trusted.",
    isBrief: false,
    table: thinTable(numbers("second", "lag p99"), series, (point) => [second(point), ms(point.lagP99)]),
    chart: {
      label: `The p99 of the pacer's lag over time. ${spans({ lag: values }, ms)}`,
      x: { label: "time since the start", scale: "seconds" },
      y: { label: "lag", kind: "latency", scale: "linear" },
      xs: series.map(({ atS }) => round(atS)),
      series: [line("lag p99", "green", values)],
      marks,
    },
  };
}

/** A second in which nothing was answered has no latency, and says 0. */
function answered(point: SeriesPoint, value: number): number | null {
  return point.max > 0 ? value : null;
}

function line(
  label: string,
  colour: ChartColour,
  values: readonly (number | null)[],
  style: ChartSeries["style"] = "line",
): ChartSeries {
  return { label, colour, style, values: values.map(plotted) };
}

function second({ atS }: SeriesPoint): string {
  return String(round(atS));
}

function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function isWide({
  p50,
  max,
}: {
  readonly p50: readonly (number | null)[];
  readonly max: readonly (number | null)[];
}): boolean {
  const usual = present(p50).toSorted((a, b) => a - b);
  const median = usual[Math.floor(usual.length / 2)] ?? 0;
  return median > 0 && largest(present(max)) > WIDE * median;
}

function spans(
  values: Readonly<Record<string, readonly (number | null)[]>>,
  format: (value: number) => string,
): string {
  const parts = Object.entries(values).flatMap(([label, all]) => {
    const some = present(all);
    return some.length === 0
      ? []
      : [`${label} from ${format(-largest(some.map((each) => -each)))} to ${format(largest(some))}`];
  });
  return parts.length === 0 ? "There are no values." : `${parts.join("; ")}.`;
}

function present(values: readonly (number | null)[]): readonly number[] {
  return values.filter((value) => value !== null);
}

/** A run of a day has more values than a call takes arguments. */
function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
}
