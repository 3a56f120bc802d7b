import type { Verdict } from "../../verdict/verdict.ts";
import type { JunitCase } from "./junit-xml.ts";

interface Judged {
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  readonly notes: readonly string[];
}

/**
 * The test cases of a result: one that says whether its numbers can be trusted, then those that it was judged by. A suite has
 * an error exactly when the verdict is INVALID, and then no failures, as nothing follows from numbers that cannot be trusted. It
 * has a failure when the verdict is FAIL: where no case stands for the reason, a last one does.
 */
export function judgedCases(
  { verdict, reasons, notes }: Judged,
  judgedBy: readonly JunitCase[],
): readonly JunitCase[] {
  const isInvalid = verdict === "INVALID";
  const first: JunitCase = {
    name: "the numbers can be trusted",
    outcome: isInvalid ? "error" : "passed",
    message: isInvalid ? (reasons[0] ?? "no verdict is possible") : "they can",
    details: isInvalid ? [...reasons.slice(1), ...notes] : notes,
  };
  const cases = judgedBy.map((each): JunitCase => {
    return isInvalid ? { ...each, outcome: "skipped", message: `no verdict: ${each.message}` } : each;
  });
  if (verdict !== "FAIL" || cases.some(({ outcome }) => outcome === "failed")) return [first, ...cases];
  const last: JunitCase = {
    name: "verdict",
    outcome: "failed",
    message: reasons[0] ?? "the verdict is no",
    details: reasons.slice(1),
  };
  return [first, ...cases, last];
}
