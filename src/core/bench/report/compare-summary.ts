import type { ComparisonResult } from "../result.ts";
import { describeComparison } from "./describe-comparison.ts";
import { renderMarkdown } from "./markdown.ts";

/** The result of `dcs bench compare` for the summary of a GitHub job. */
export function comparisonSummary(result: ComparisonResult): string {
  return renderMarkdown(describeComparison(result));
}
