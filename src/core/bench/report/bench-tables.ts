import { formatByteSize } from "../../util/byte-size.ts";
import { formatDuration } from "../../util/duration.ts";
import { formatAsWritten } from "../../verdict/format-as-written.ts";
import type { Verdict } from "../../verdict/verdict.ts";
import type { BenchResult, LatencySummary } from "../result.ts";
import { count, faults, ms, numbers, rate, share, shareOf, text, toned, words } from "./number-cells.ts";
import type { ReportCell, ReportSection, ReportTable } from "./report.ts";
import { firstRows } from "./thin-table.ts";

/** How much slower than the middle one an instance is called slow. */
const SLOW = 1.5;

function section(
  id: string,
  title: string,
  table: ReportTable,
  { about = null, isBrief = true }: { readonly about?: string | null; readonly isBrief?: boolean } = {},
): ReportSection {
  return { id, title, about, isBrief, table, chart: null };
}

/** What was asked of the numbers, and whether they keep to it; null when nothing was. */
export function thresholdTable({ thresholds, verdict }: BenchResult): ReportSection | null {
  if (thresholds.length === 0) return null;
  const rows = thresholds.map(({ expr, value, ok, isDefault }): readonly ReportCell[] => [
    isDefault ? `${text(expr)} (default)` : text(expr),
    formatAsWritten(expr, value),
    value === null ? toned("not measured", verdict === "INVALID" ? "doubtful" : "bad") : judged(ok, verdict),
  ]);
  const columns = [...words("threshold"), ...numbers("measured"), ...words("")];
  return section("thresholds", "Thresholds", firstRows(columns, rows));
}

/** Of numbers that cannot be trusted nothing follows. */
function judged(ok: boolean, verdict: Verdict): ReportCell {
  if (verdict === "INVALID") return toned(ok ? "kept, in doubt" : "broken, in doubt", "doubtful");
  return ok ? toned("kept", "good") : toned("broken", "bad");
}

/** The parts of the time that a request took. */
export function latencyTable(result: BenchResult): ReportSection {
  const { latencyMs, serviceMs, pacerLagMs, errorLatencyMs, requests, mode } = result;
  const isEmpty = requests.ok + requests.timeouts + requests.unfinished === 0;
  const rows: readonly (readonly [string, LatencySummary, boolean])[] = [
    [mode === "rate" ? "latency, from when it was due" : "latency", latencyMs, isEmpty],
    ...(mode === "rate" ? ([["service time, from when it was sent", serviceMs, isEmpty]] as const) : []),
    ...(pacerLagMs === null
      ? []
      : ([["lag of the pacer", pacerLagMs, requests.sent + requests.dropped === 0]] as const)),
    ...(requests.errors > 0 ? ([["answers that are errors", errorLatencyMs, false]] as const) : []),
  ];
  const columns = [...words(""), ...numbers("mean", "p50", "p90", "p99", "p99.9", "max")];
  return section(
    "latency",
    "Latency",
    firstRows(
      columns,
      rows.map(([label, summary, nothing]) => [
        label,
        ...[summary.mean, summary.p50, summary.p90, summary.p99, summary.p999, summary.max].map((value) =>
          ms(nothing ? null : value),
        ),
      ]),
    ),
  );
}

/** Each instance of the service that was the target; null when it was none. */
export function instanceTable({ instances }: BenchResult): ReportSection | null {
  if (instances.length === 0) return null;
  const total = instances.reduce((sum, { requests }) => sum + requests.sent, 0);
  const slow =
    SLOW *
    median(instances.filter(({ requests }) => requests.sent > 0).map(({ latencyMs }) => latencyMs.p99));
  const rows = instances.map(({ endpoint, version, requests, latencyMs }): readonly ReportCell[] => {
    const { sent, ok, errors, timeouts, unfinished } = requests;
    const isEmpty = ok + timeouts + unfinished === 0;
    const latency = (value: number) => ms(isEmpty ? null : value);
    const isSlow = instances.length > 1 && latencyMs.p99 > slow;
    return [
      text(endpoint),
      version === null ? toned("–", "quiet") : text(version),
      count(sent),
      shareOf(sent, total),
      faults(errors),
      faults(timeouts),
      latency(latencyMs.p50),
      latency(latencyMs.p99),
      latency(latencyMs.max),
      isSlow ? toned("slow", "bad") : sent === 0 ? toned("not used", "quiet") : "",
    ];
  });
  const columns = [
    ...words("instance", "version"),
    ...numbers("sent", "share", "errors", "timeouts", "p50", "p99", "max"),
    ...words(""),
  ];
  return section("instances", "Instances", firstRows(columns, rows), {
    about: `Slow is a p99 of more than ${SLOW} times the median of all instances.`,
  });
}

/** The statistics of each run; null when there was one only. */
export function runTable({ runs }: BenchResult): ReportSection | null {
  if (runs.length < 2) return null;
  const rows = runs.map((run, index) => [
    String(index + 1),
    rate(run.rate),
    ...[run.p50, run.p90, run.p99, run.mean].map(ms),
    share(run.errorRate),
  ]);
  const columns = numbers("run", "rate", "p50", "p90", "p99", "mean", "errors");
  return section("runs", "Runs", firstRows(columns, rows), {
    about: "The same measurement again and again: how far the runs are apart is the noise.",
  });
}

/** What went wrong, the most frequent first; null when nothing did. */
export function errorTable({ errors, requests }: BenchResult): ReportSection | null {
  if (errors.length === 0) return null;
  const rows = errors.map(({ kind, count: times, example }) => [
    text(kind),
    count(times),
    shareOf(times, requests.sent),
    text(example),
  ]);
  const columns = [...words("error"), ...numbers("times", "of all"), ...words("for example")];
  return section("errors", "Errors", firstRows(columns, rows));
}

/** Where it was measured, and with what. */
export function environmentTable(result: BenchResult): ReportSection {
  const { environment, engine, startedAt, durationMs, bytesPerS, utilisation } = result;
  const { dcs, node, os, cpu, cores, memoryBytes, host, fingerprint, gitSha } = environment;
  const rows: readonly (readonly [string, string])[] = [
    ["started", startedAt],
    ["measured for", formatDuration(durationMs)],
    ["received", `${formatByteSize(bytesPerS)}/s`],
    ["engine", engine],
    ["busiest worker", `${share(utilisation)} of the time`],
    ["host", host],
    ["processor", `${cores} × ${cpu}`],
    ["memory", formatByteSize(memoryBytes)],
    ["system", os],
    ["dcs", dcs],
    ["Node", node],
    ["machine", fingerprint],
    ["commit", gitSha ?? "–"],
  ];
  const table = firstRows(
    words("", ""),
    rows.map(([label, value]) => [label, text(value)]),
  );
  return section("environment", "Environment", table, { isBrief: false });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  return (lower + upper) / 2;
}
