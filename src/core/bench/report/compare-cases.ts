import { formatMetric } from "../../verdict/metric.ts";
import type { ComparisonResult } from "../result.ts";
import { COMPARED, describeChange } from "./comparison-sections.ts";
import type { JunitCase } from "./junit-xml.ts";

/** A case for each metric that was compared: failed when it got worse, skipped where nothing can be said. */
export function comparisonCases({ metrics }: Pick<ComparisonResult, "metrics">): readonly JunitCase[] {
  return metrics.map((each): JunitCase => {
    const { label, kind } = COMPARED[each.metric];
    const seen = `${formatMetric(kind, each.a)} became ${formatMetric(kind, each.b)} (${describeChange(each)})`;
    return {
      name: `${label} is not worse than the baseline`,
      outcome: each.outcome === "worse" ? "failed" : each.outcome === "unclear" ? "skipped" : "passed",
      message:
        each.outcome === "unclear"
          ? `cannot be said: ${label} ${seen}`
          : `${label} is ${each.outcome === "same" ? "the same" : each.outcome}: ${seen}`,
      details: [],
    };
  });
}
