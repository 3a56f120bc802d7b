import type { BenchResult } from "../../core/bench/result.ts";
import { readRuns, runsOf, type SavedRuns } from "../../core/bench/run/saved-runs.ts";
import { compareRuns } from "../../core/bench/stats/compare-runs.ts";
import { DcsError } from "../../core/errors.ts";
import { parseEffect } from "./effect.ts";

/** Against what this benchmark is judged. */
export interface Baseline {
  /** How often it is measured unless that is said: as often as the base, or once. */
  readonly runs: number;
  /** The result with the comparison in it, and its verdict. */
  readonly judge: (result: BenchResult) => BenchResult;
}

const ALPHA = 0.05;

/** Reads `--baseline`. FILE_INVALID when it is none. */
export async function withBaseline(flags: {
  readonly baseline?: string | undefined;
  readonly "min-effect"?: string | undefined;
}): Promise<Baseline> {
  const minEffect = parseEffect(flags["min-effect"]);
  if (flags.baseline === undefined && flags["min-effect"] !== undefined) {
    throw new DcsError("USAGE", "--min-effect needs --baseline: it is the smallest change that matters", {
      hint: "add --baseline FILE, or leave it out",
      details: { flag: "--min-effect", allowed: ["--baseline"] },
    });
  }
  if (flags.baseline === undefined) return { runs: 1, judge: (result) => result };
  const base = await readRuns(flags.baseline, "--baseline");
  return { runs: base.runs.length, judge: (result) => judgedBy(base, result, minEffect) };
}

/** A worse comparison fails what would have passed; one that says nothing takes the verdict away. */
function judgedBy(base: SavedRuns, result: BenchResult, minEffect: number): BenchResult {
  const comparison = compareRuns({
    a: { name: `${base.target}, ${base.startedAt}`, ...base },
    b: { name: `${result.target}, now`, ...runsOf(result) },
    ...{ minEffect, alpha: ALPHA, isInterleaved: false },
  });
  const worst = [result.verdict, comparison.verdict];
  const verdict = worst.includes("FAIL") ? "FAIL" : worst.includes("INVALID") ? "INVALID" : "PASS";
  const first = comparison.verdict === verdict ? comparison.reasons : [];
  const rest = comparison.verdict === verdict ? [] : comparison.reasons;
  return { ...result, verdict, reasons: [...first, ...result.reasons, ...rest], comparison };
}
