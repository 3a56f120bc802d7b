import { fewestFor } from "../../core/bench/judge/bench-metrics.ts";
import type { BenchResult, LatencySummary } from "../../core/bench/result.ts";
import { formatByteSize } from "../../core/util/byte-size.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { formatMetric } from "../../core/verdict/metric.ts";
import type { Paint } from "../colour.ts";
import { layoutTable, printable } from "../text.ts";

const LABEL = 11;
const BAR = 40;
const MOST_ERRORS = 5;

/** The result for people. */
export function benchLines(result: BenchResult, paint: Paint): readonly string[] {
  return [
    ...head(result, paint),
    "",
    ...numbers(result),
    ...distribution(result, paint),
    ...instances(result, paint),
    ...steps(result, paint),
    ...verdict(result, paint),
  ];
}

function head(
  { target, setup, mode, engine, durationMs, runs }: BenchResult,
  paint: Paint,
): readonly string[] {
  const { operation, connections, workers, warmupMs, rate } = setup;
  const how =
    mode === "max"
      ? `as fast as it goes (${engine === "autocannon" ? "autocannon" : "dcs's own loop"}), ${plural(connections ?? 0, "connection")}`
      : `${formatMetric("rate", rate)} on schedule${connections === null ? "" : `, ${connections} connections at most`}`;
  const long = `${formatDuration(durationMs)}${runs.length > 1 ? ` in ${runs.length} runs` : ""}`;
  const warm = warmupMs > 0 ? ` after ${formatDuration(warmupMs)} of warm-up` : "";
  return [
    paint.bold(printable(target)),
    paint.dim(`${printable(operation)}, ${how}, ${plural(workers, "worker")}, ${long}${warm}`),
  ];
}

function numbers(result: BenchResult): readonly string[] {
  const { requests, rate, latencyMs, serviceMs, pacerLagMs, errorLatencyMs, bytesPerS, errors } = result;
  const { sent, ok, errors: failed, timeouts, unfinished, dropped } = requests;
  const counts = [
    `${count(sent)} sent`,
    `${count(ok)} ok`,
    plural(failed, "error"),
    plural(timeouts, "timeout"),
    ...(unfinished > 0 ? [`${count(unfinished)} unfinished`] : []),
    ...(dropped > 0 ? [`${count(dropped)} dropped`] : []),
  ];
  const achieved = `${formatMetric("rate", rate.achieved)} answered well`;
  const offered = rate.offered === null ? "" : ` of ${formatMetric("rate", rate.offered)} offered`;
  return [
    line("requests", counts.join(", ")),
    line("rate", `${achieved}${offered}, ${formatByteSize(bytesPerS)}/s`),
    line("latency", times(latencyMs, latencyCount(result))),
    ...(pacerLagMs === null
      ? []
      : [
          line("service", times(serviceMs, latencyCount(result))),
          line(
            "pacer lag",
            `p50 ${time(pacerLagMs.p50)}  p99 ${time(pacerLagMs.p99)}  max ${time(pacerLagMs.max)}`,
          ),
        ]),
    ...(failed > 0 ? [line("errors", times(errorLatencyMs, failed))] : []),
    ...errors
      .slice(0, MOST_ERRORS)
      .map(({ kind, count: of, example }) =>
        line("", `${count(of)} × ${printable(kind)}: ${printable(example)}`),
      ),
    ...(errors.length > MOST_ERRORS ? [line("", `… and ${errors.length - MOST_ERRORS} more kinds`)] : []),
  ];
}

function latencyCount({ requests: { ok, timeouts, unfinished } }: BenchResult): number {
  return ok + timeouts + unfinished;
}

/** Percentiles of a handful of requests are left out. */
function times({ mean, p50, p90, p99, p999, max }: LatencySummary, of: number): string {
  if (of === 0) return "none";
  const shown: readonly (readonly [string, number, number])[] = [
    ["p50", p50, 50],
    ["p90", p90, 90],
    ["p99", p99, 99],
    ["p99.9", p999, 99.9],
  ];
  return [
    `mean ${time(mean)}`,
    ...shown.filter(([, , at]) => of >= fewestFor(at)).map(([name, value]) => `${name} ${time(value)}`),
    `max ${time(max)}`,
  ].join("  ");
}

/** How the latencies are spread, drawn. */
function distribution({ distribution: all }: BenchResult, paint: Paint): readonly string[] {
  const most = Math.max(...all.map(({ share }) => share));
  if (all.length < 2) return [];
  const labels = all.map(({ upToMs }) => `≤ ${formatMetric("latency", upToMs)}`);
  const width = Math.max(...labels.map((label) => label.length));
  return [
    "",
    ...all.map(({ share }, index) => {
      const bar = share === 0 ? "" : "█".repeat(Math.max(1, Math.round((share / most) * BAR)));
      const percent = share === 0 ? "" : ` ${formatMetric("share", share)}`;
      return `${(labels[index] ?? "").padStart(width)} ${paint.cyan(bar)}${percent}`;
    }),
  ];
}

function instances({ instances: all }: BenchResult, paint: Paint): readonly string[] {
  if (all.length === 0) return [];
  const rows = all.map(({ endpoint, version, requests: { sent, ok, errors, timeouts }, latencyMs }) => [
    endpoint,
    version ?? "-",
    count(sent),
    count(ok),
    count(errors + timeouts),
    time(latencyMs.p50),
    time(latencyMs.p99),
  ]);
  const table = { head: ["INSTANCE", "VERSION", "SENT", "OK", "FAILED", "P50", "P99"], rows };
  return ["", ...layoutTable(table, paint.bold)];
}

function steps({ findMax }: BenchResult, paint: Paint): readonly string[] {
  if (findMax === null) return [];
  const rows = findMax.steps.map(({ rate, verdict, p50, p99, errorRate, reason }) => [
    formatMetric("rate", rate),
    verdict,
    time(p50),
    time(p99),
    formatMetric("share", errorRate),
    verdict === "PASS" ? "" : reason,
  ]);
  const table = { head: ["RATE", "VERDICT", "P50", "P99", "ERRORS", "WHY"], rows };
  const by = {
    target: "above that the target does not hold it",
    generator: "above that the generator does not hold it, so the target may take more",
    stopped: "the search was stopped there, and more may hold",
    limit: "no higher rate was tried",
  }[findMax.limitedBy];
  const most =
    findMax.rate === 0
      ? "no rate held"
      : `${formatMetric("rate", findMax.rate)} is the highest rate that held; ${by}`;
  return ["", ...layoutTable(table, paint.bold), "", paint.bold(most)];
}

function verdict(result: BenchResult, paint: Paint): readonly string[] {
  const colour = { PASS: paint.green, FAIL: paint.red, INVALID: paint.yellow }[result.verdict];
  const reasons = result.reasons
    .map(printable)
    .map((reason, index) =>
      index === 0
        ? `${colour(paint.bold(result.verdict.padEnd(LABEL - 1)))} ${reason}`
        : `${" ".repeat(LABEL)}${reason}`,
    );
  return [
    "",
    ...reasons,
    ...result.notes.map(printable).map((note) => paint.dim(`${"note".padEnd(LABEL)}${note}`)),
  ];
}

function line(label: string, text: string): string {
  return `${label.padEnd(LABEL)}${text}`;
}

function time(ms: number): string {
  return formatMetric("latency", ms);
}

function count(value: number): string {
  return formatMetric("count", value);
}

function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}
