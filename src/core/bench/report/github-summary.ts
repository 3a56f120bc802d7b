import type { BenchResult } from "../result.ts";
import { describeBench } from "./describe-bench.ts";
import { renderMarkdown } from "./markdown.ts";

/** The result of `dcs bench` for the summary of a GitHub job. */
export function benchSummary(result: BenchResult): string {
  return renderMarkdown(describeBench(result));
}
