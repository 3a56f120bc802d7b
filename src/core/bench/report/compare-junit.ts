import type { ComparisonResult } from "../result.ts";
import { comparisonCases } from "./compare-cases.ts";
import { judgedCases } from "./judged-cases.ts";
import { junitXml } from "./junit-xml.ts";

/** The result of `dcs bench compare` as JUnit XML: a case for each metric, and one for whether a verdict is possible. */
export function comparisonJunit(result: ComparisonResult): string {
  const { a, b, verdict, alpha, minEffect } = result;
  return junitXml({
    name: `dcs bench compare ${a.name} ${b.name}`,
    startedAt: null,
    host: null,
    durationMs: 0,
    properties: [
      ["verdict", verdict],
      ["alpha", String(alpha)],
      ["min-effect", String(minEffect)],
      ["runs of A", String(a.runs.length)],
      ["runs of B", String(b.runs.length)],
    ],
    cases: judgedCases(result, comparisonCases(result)),
  });
}
