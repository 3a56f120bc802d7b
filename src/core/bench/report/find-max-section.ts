import type { FindMaxResult } from "../result.ts";
import { ms, numbers, plotted, rate, share, text, toned, words } from "./number-cells.ts";
import type { ReportCell, ReportSection } from "./report.ts";
import { firstRows } from "./thin-table.ts";

const ENDED: Readonly<Record<FindMaxResult["limitedBy"], string>> = {
  target: "more than that the target did not keep up with",
  generator: "more than that this machine could not send: the target may well take more",
  stopped: "the search was stopped before it had found where that ends",
  limit: "more than that was not tried: it is the limit that was given",
};

/** The steps of the search for the highest rate that holds. */
export function findMaxSection({ rate: found, limitedBy, steps }: FindMaxResult): ReportSection {
  const rows = steps.map((step): readonly ReportCell[] => [
    rate(step.rate),
    rate(step.achieved),
    ms(step.p50),
    ms(step.p99),
    share(step.errorRate),
    toned(step.verdict, step.verdict === "PASS" ? "good" : step.verdict === "FAIL" ? "bad" : "doubtful"),
    text(step.reason),
  ]);
  // A rate that was tried twice stands for its last try.
  const tried = [...new Map(steps.map((step) => [step.rate, step])).values()].toSorted(
    (a, b) => a.rate - b.rate,
  );
  const highest = found > 0 ? `${rate(found)} held` : "No rate held";
  return {
    id: "find-max",
    title: "The highest rate that holds",
    about: found > 0 ? `${highest}; ${ENDED[limitedBy]}.` : `${highest}.`,
    isBrief: true,
    table: firstRows([...numbers("offered", "achieved", "p50", "p99", "errors"), ...words("", "why")], rows),
    chart: {
      label: `Latency by the rate that was offered, for ${tried.length} rates. ${highest}.`,
      x: { label: "requests per second, offered", scale: "rate" },
      y: { label: "latency", kind: "latency", scale: "linear" },
      xs: tried.map((step) => step.rate),
      series: [
        { label: "p50", colour: "blue", style: "line", values: tried.map(({ p50 }) => plotted(p50)) },
        { label: "p99", colour: "orange", style: "line", values: tried.map(({ p99 }) => plotted(p99)) },
      ],
      marks: found > 0 ? [{ label: highest, x: found, y: null }] : [],
    },
  };
}
