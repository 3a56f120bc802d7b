import { formatDuration } from "../../util/duration.ts";
import { VERDICT_EXIT } from "../../verdict/verdict.ts";
import type { BenchResult } from "../result.ts";
import { benchFigures } from "./bench-figures.ts";
import {
  environmentTable,
  errorTable,
  instanceTable,
  latencyTable,
  runTable,
  thresholdTable,
} from "./bench-tables.ts";
import { comparisonTable } from "./comparison-sections.ts";
import { findMaxSection } from "./find-max-section.ts";
import { plural, rate, text } from "./number-cells.ts";
import { percentileChart } from "./percentile-chart.ts";
import type { Report } from "./report.ts";
import { lagOverTime, latencyOverTime, rateOverTime } from "./time-charts.ts";

/** The result of `dcs bench` as a report. */
export function describeBench(result: BenchResult): Report {
  const { verdict, findMax, comparison } = result;
  return {
    title: "Benchmark",
    subject: text(result.target),
    setup: describeSetup(result),
    at: text(result.startedAt.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/, "$1 $2 UTC")),
    verdict,
    exit: VERDICT_EXIT[verdict],
    reasons: result.reasons.map(text),
    notes: result.notes.map(text),
    figures: benchFigures(result),
    sections: [
      thresholdTable(result),
      latencyTable(result),
      latencyOverTime(result),
      rateOverTime(result),
      percentileChart(result),
      lagOverTime(result),
      instanceTable(result),
      runTable(result),
      findMax === null ? null : findMaxSection(findMax),
      comparison === null ? null : comparisonTable(comparison),
      errorTable(result),
      environmentTable(result),
    ].filter((section) => section !== null),
  };
}

/** `GET, open loop at 1,000/s, for 60s after 5s of warm-up, 2 workers, pacer`. */
function describeSetup({ setup }: BenchResult): string {
  const { engine, mode, operation, connections, workers, durationMs, warmupMs } = setup;
  const warmup = warmupMs > 0 ? ` after ${formatDuration(warmupMs)} of warm-up` : "";
  return [
    text(operation),
    mode === "rate" ? `open loop at ${rate(setup.rate)}` : "closed loop",
    durationMs === null ? warmup.trim() : `for ${formatDuration(durationMs)}${warmup}`,
    connections === null ? "" : plural(connections, "connection"),
    plural(workers, "worker"),
    `engine ${engine}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}
