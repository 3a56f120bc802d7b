import { VERDICT_EXIT } from "../../verdict/verdict.ts";
import type { ComparisonResult } from "../result.ts";
import { COMPARED, comparedRuns, comparisonTable, describeChange, OUTCOMES } from "./comparison-sections.ts";
import { plural, share, text } from "./number-cells.ts";
import type { Figure, Report } from "./report.ts";

/** The result of `dcs bench compare` as a report. */
export function describeComparison(result: ComparisonResult): Report {
  const { a, b, verdict, minEffect, alpha } = result;
  return {
    title: "Comparison of benchmarks",
    subject: `${text(b.name)} against ${text(a.name)}`,
    setup: `${plural(a.runs.length, "run")} against ${plural(b.runs.length, "run")}, changes of ${share(minEffect)} and more matter, alpha ${alpha}`,
    at: null,
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
  return metrics.map((each) => {
    const [words, tone] = OUTCOMES[each.outcome];
    // The unit would make it twice as wide as the others.
    const [value = "", unit] = describeChange(each).split(" ");
    return {
      label: COMPARED[each.metric].label,
      value,
      note: unit === undefined ? words : `${unit}, ${words}`,
      tone,
    };
  });
}
