import { VERDICT_EXIT } from "../../verdict/verdict.ts";
import type { ComparisonResult } from "../result.ts";
import { COMPARED, comparedRuns, comparisonTable, describeChange } from "./comparison-sections.ts";
import { plural, share, text } from "./number-cells.ts";
import type { Figure, Report } from "./report.ts";

/** The result of `dcs bench compare` as a report. */
export function describeComparison(result: ComparisonResult): Report {
  const { a, b, verdict, minEffect, alpha } = result;
  return {
    title: "Comparison of benchmarks",
    subject: `${text(b.name)} against ${text(a.name)}`,
    setup: `${plural(a.runs.length, "run")} against ${plural(b.runs.length, "run")}, changes of ${share(minEffect)} and more matter, alpha ${alpha}`,
    verdict,
    exit: VERDICT_EXIT[verdict],
    reasons: result.reasons.map(text),
    notes: result.notes.map(text),
    figures: [figures(result)],
    sections: [
      comparisonTable(result),
      comparedRuns(result, "p50"),
      comparedRuns(result, "p99"),
      comparedRuns(result, "rate"),
    ].filter((section) => section !== null),
  };
}

function figures({ metrics }: ComparisonResult): readonly Figure[] {
  return metrics.map((each) => ({
    label: COMPARED[each.metric].label,
    value: describeChange(each),
    note: each.outcome === "unclear" ? "cannot be said" : each.outcome,
    tone:
      each.outcome === "worse"
        ? "bad"
        : each.outcome === "better"
          ? "good"
          : each.outcome === "unclear"
            ? "doubtful"
            : "quiet",
  }));
}
