import { formatAsWritten } from "../../verdict/format-as-written.ts";
import type { BenchResult, ThresholdResult } from "../result.ts";
import { comparisonCases } from "./compare-cases.ts";
import { judgedCases } from "./judged-cases.ts";
import { type JunitCase, junitXml } from "./junit-xml.ts";

/** The result of `dcs bench` as JUnit XML: a case for each threshold, and one for whether the numbers can be trusted. */
export function benchJunit(result: BenchResult): string {
  const { target, startedAt, durationMs, environment, engine, mode, comparison } = result;
  const compared = comparison === null ? [] : comparisonCases(comparison);
  return junitXml({
    name: `dcs bench ${target}`,
    startedAt,
    host: environment.host,
    durationMs,
    properties: [
      ["verdict", result.verdict],
      ["engine", engine],
      ["mode", mode],
      ["dcs", environment.dcs],
      ["node", environment.node],
      ["machine", environment.fingerprint],
      ["commit", environment.gitSha ?? ""],
    ],
    cases: judgedCases(result, [...result.thresholds.map(thresholdCase), ...compared]),
  });
}

function thresholdCase({ expr, value, ok, isDefault }: ThresholdResult): JunitCase {
  const measured = value === null ? "it was not measured" : `measured ${formatAsWritten(expr, value)}`;
  return {
    name: isDefault ? `${expr} (default)` : expr,
    outcome: ok ? "passed" : "failed",
    message: `${expr}: ${measured}`,
    details: [],
  };
}
