import type { BenchMode, ComparisonResult, MetricComparison } from "../result.ts";
import { type ComparedSide, differencesToNote, whyNotComparable } from "./comparable.ts";
import { labelOf, sayChange, sayP, sayShort, share } from "./comparison-words.ts";
import { runsToShow } from "./detectable.ts";
import { holm } from "./holm.ts";
import { judgeMetric, type MeasuredMetric, type Metric, measure } from "./judge-metric.ts";
import { fewestRuns, smallestP } from "./mann-whitney.ts";

export interface CompareRunsOptions {
  /** The base. */
  readonly a: ComparedSide;
  /** What is judged. */
  readonly b: ComparedSide;
  /** The smallest change that matters, 0 to 1, relative to A; see `ERROR_EFFECT` for errors. */
  readonly minEffect: number;
  /** How often at most, of comparisons of a thing with itself, one metric or more may seem to differ. */
  readonly alpha: number;
  /** The runs of A and B took turns: see `abbaOrder`. */
  readonly isInterleaved: boolean;
}

/**
 * Few, for every test more makes each of them weaker. In max mode the target is saturated, and a latency says no more than how many
 * connections wait for each other: the rate is what is asked for.
 */
const JUDGED: Readonly<Record<BenchMode, readonly Metric[]>> = {
  rate: ["p50", "p99", "rate", "errorRate"],
  max: ["rate", "errorRate"],
};
const ALL: readonly Metric[] = ["p50", "p90", "p99", "mean", "rate", "errorRate"];

/**
 * Is B worse than A? The replicate is the run: Mann-Whitney U on the statistics of the runs, two-sided, Holm over the metrics that are
 * judged, and a minimum effect. FAIL when any is worse; INVALID when the two were not measured alike, when there are too few runs, or
 * when a metric is unclear; else PASS. RangeError of an alpha not between 0 and 1, or an effect below 0.
 */
export function compareRuns({ a, b, minEffect, alpha, isInterleaved }: CompareRunsOptions): ComparisonResult {
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha must be between 0 and 1: ${alpha}`);
  if (!(minEffect >= 0)) throw new RangeError(`the minimum effect must be 0 or more: ${minEffect}`);
  const rest = {
    a: { name: a.name, runs: a.runs },
    b: { name: b.name, runs: b.runs },
    minEffect,
    alpha,
  };
  const notes = [
    ...(isInterleaved
      ? []
      : [
          "the runs of A and B were not interleaved: what changed on the machine between them is in the difference",
        ]),
    ...differencesToNote(a, b),
  ];
  const refusals = whyNotComparable(a, b);
  if (refusals.length > 0) return { verdict: "INVALID", reasons: refusals, notes, metrics: [], ...rest };

  const { mode } = a.setup;
  const measured = ALL.map((metric) => measure(metric, { a: a.runs, b: b.runs }, minEffect));
  const all = judgeAll(measured, { mode, alpha });
  const metrics = all.map(({ row }) => row);
  const said = { notes: [...notes, sayShown(metrics, mode)], ...rest };
  const tooFew = whyTooFew(a.runs.length, b.runs.length, alpha, JUDGED[mode].length);
  if (tooFew !== null) {
    const unclear = metrics.map((row) => ({ ...row, outcome: "unclear" as const }));
    return { verdict: "INVALID", reasons: [tooFew], metrics: unclear, ...said };
  }
  const judged = all.filter(({ row }) => row.isJudged);
  return { ...verdictOf(judged, minEffect), metrics, ...said };
}

interface Judged {
  readonly measured: MeasuredMetric;
  readonly row: MetricComparison;
  /** What p had to be below, at worst. */
  readonly level: number;
}

/**
 * A metric with one value throughout cannot be tested and takes no part in Holm, so that "no errors at all" costs the others nothing
 * (Tarone, "A modified Bonferroni method for discrete data", Biometrics 46, 1990).
 */
function judgeAll(
  all: readonly MeasuredMetric[],
  { mode, alpha }: { readonly mode: BenchMode; readonly alpha: number },
): readonly Judged[] {
  const isJudged = ({ metric }: MeasuredMetric) => JUDGED[mode].includes(metric);
  const tested = all.filter((one) => isJudged(one) && !one.isConstant);
  const adjusted = holm(tested.map(({ p }) => p));
  const judged = all.filter(isJudged).map((measured): Judged => {
    const family = Math.max(1, tested.length);
    const adjustedP = adjusted[tested.indexOf(measured)] ?? 1;
    const row = judgeMetric(measured, { adjustedP, alpha, family, isJudged: true });
    return { measured, row, level: alpha / family };
  });
  const shown = all
    .filter((one) => !isJudged(one))
    .map((measured): Judged => {
      const row = judgeMetric(measured, { adjustedP: measured.p, alpha, family: 1, isJudged: false });
      return { measured, row, level: alpha };
    });
  return [...judged, ...shown];
}

/** Holm multiplies the smallest p by the number of metrics, and no other gets below it. */
function whyTooFew(n: number, m: number, alpha: number, metrics: number): string | null {
  const best = smallestP(n, m);
  if (best * metrics < alpha) return null;
  const seen =
    n === m ? `${n} run${n === 1 ? "" : "s"} a side` : `${n} run${n === 1 ? "" : "s"} of A and ${m} of B`;
  const two = (p: number) => Number(p.toPrecision(2));
  return (
    `too few runs: ${seen} can give p = ${two(best)} at best, which is ${two(Math.min(1, best * metrics))} over the ${metrics} ` +
    `metrics that are judged, and must be below ${alpha}: at least ${fewestRuns(alpha / metrics)} runs a side are needed`
  );
}

function verdictOf(
  judged: readonly Judged[],
  minEffect: number,
): Pick<ComparisonResult, "verdict" | "reasons"> {
  const of = (outcome: MetricComparison["outcome"]) => judged.filter(({ row }) => row.outcome === outcome);
  const severity = ({ row, measured }: Judged) => Math.abs(row.change) / Math.max(measured.effect, 1e-9);
  const worse = of("worse")
    .toSorted((x, y) => severity(y) - severity(x))
    .map(({ row }) => sayChange(row));
  const unclear = of("unclear").map(sayWhyUnclear);
  const better = of("better").map(({ row }) => sayChange(row));
  if (worse.length > 0) return { verdict: "FAIL", reasons: [...worse, ...unclear, ...better] };
  if (unclear.length > 0) return { verdict: "INVALID", reasons: [...unclear, ...better] };
  const all = judged.map(({ row }) => sayShort(row)).join(", ");
  return {
    verdict: "PASS",
    reasons: [`nothing got worse by ${share(minEffect)} or more: ${all}`, ...better],
  };
}

function sayWhyUnclear({ measured, row, level }: Judged): string {
  const { metric, change, tendency, noise, effect, problem, values } = measured;
  if (problem !== null) return `${labelOf(metric)} cannot be compared: ${problem}`;
  const asked = metric === "errorRate" ? `${share(effect)} of all requests` : share(effect);
  const why =
    Math.abs(change) < effect
      ? `the runs of one side differ too much among themselves to tell a change of ${asked}`
      : tendency * change < 0
        ? "it comes from a few runs, and most say the opposite"
        : `it is as large as what matters (${asked}), and may be chance (${sayP(row.adjustedP)})`;
  const needed = runsToShow(effect, noise, level);
  const fewer = Math.min(values.a.length, values.b.length);
  const advice =
    needed > fewer
      ? `; so many runs show one of ${share(row.detectable)}, and for ${share(effect)} ` +
        (Number.isFinite(needed) ? `about ${needed} a side are needed` : "no number of them will do")
      : "";
  return `${sayShort(row)} is unclear: ${why}${advice}`;
}

function sayShown(metrics: readonly MetricComparison[], mode: BenchMode): string {
  const shown = metrics.filter(({ isJudged }) => !isJudged).map(({ metric }) => labelOf(metric));
  const list = `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)} are shown, and not judged`;
  return mode === "max" ? `${list}: in max mode latencies are those of a saturated target` : list;
}
