import type { ComparisonResult } from "../../core/bench/result.ts";
import { compareLive } from "../../core/bench/run/compare-live.ts";
import { readRuns, type SavedRuns } from "../../core/bench/run/saved-runs.ts";
import { compareRuns } from "../../core/bench/stats/compare-runs.ts";
import { DcsError } from "../../core/errors.ts";
import { VERDICT_EXIT } from "../../core/verdict/verdict.ts";
import type { Output } from "../output.ts";
import { benchOptions, type LoadInput } from "./bench-request.ts";
import { comparisonLines } from "./comparison-lines.ts";
import { parseEffect } from "./effect.ts";
import { type ReportFlags, refuseUnwritable, writeComparison } from "./reports.ts";
import type { BenchPlaces } from "./run.ts";
import { stoppedEarly } from "./stopped-early.ts";
import { failureToWrite, worstOf } from "./written.ts";

export interface CompareInput extends LoadInput, ReportFlags {
  readonly runs?: number | undefined;
  readonly "min-effect"?: string | undefined;
}

const ALPHA = 0.05;
const RUNS = 10;
const RUN_MS = 5000;
const IS_TARGET = /^[a-z][a-z0-9+.-]*:/i;

/** Flags of a measurement, which files do not need. */
const OF_MEASUREMENT: readonly (keyof CompareInput)[] = [
  ...["duration", "requests", "rate", "stages", "connections", "workers", "runs", "warmup"],
  ...["arrival", "seed", "request-timeout", "max-in-flight"],
  ...["method", "header", "body", "expect-status", "http2", "streams", "insecure", "ca", "op", "proto"],
] as const;

/** `dcs bench compare`: is B worse than A? */
export async function compareBench(
  words: readonly [string, string],
  flags: CompareInput,
  places: BenchPlaces,
): Promise<number> {
  const { out, signal } = places;
  const minEffect = parseEffect(flags["min-effect"]);
  refuseUnwritable(flags);
  const [a, b] = words;
  const areTargets = words.map((word) => IS_TARGET.test(word));
  if (areTargets[0] !== areTargets[1]) {
    throw new DcsError("USAGE", "one of A and B is a target, and the other a file", {
      hint: `measure the target against the file: dcs bench ${areTargets[0] === true ? a : b} --baseline ${areTargets[0] === true ? b : a}`,
      details: { argument: "A B", value: words },
    });
  }
  const measured =
    areTargets[0] === true ? await measure(words, flags, places) : await readBoth(words, flags);
  const comparison = compareRuns({
    a: { ...measured.a, name: a },
    b: { ...measured.b, name: b },
    ...{ minEffect, alpha: ALPHA, isInterleaved: measured.isInterleaved },
  });
  const result = withDoubts(comparison, measured.doubts);
  const unwritten = await failureToWrite(() => writeComparison(result, flags, out));
  const failure = measured.isStopped ? stoppedEarly(signal, result) : failureOf(result);
  return tell(result, worstOf(failure, unwritten, result, out), out);
}

interface Both {
  readonly a: SavedRuns;
  readonly b: SavedRuns;
  readonly isInterleaved: boolean;
  readonly isStopped: boolean;
  readonly doubts: readonly string[];
}

async function readBoth([a, b]: readonly [string, string], flags: CompareInput): Promise<Both> {
  const useless = OF_MEASUREMENT.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (useless !== undefined) {
    throw new DcsError("USAGE", `--${useless}: two files are compared, and nothing is measured`, {
      hint: "leave it out, or name two targets",
      details: { flag: `--${useless}` },
    });
  }
  return {
    a: await readRuns(a, "A"),
    b: await readRuns(b, "B"),
    isInterleaved: false,
    isStopped: false,
    doubts: [],
  };
}

async function measure(
  words: readonly [string, string],
  flags: CompareInput,
  places: BenchPlaces,
): Promise<Both> {
  const { out, signal, store, version, settings } = places;
  const session = async (word: string) => {
    const options = await benchOptions(word, flags, settings);
    const { stages, amount, durationMs = RUN_MS } = options;
    const length = stages === undefined && amount === undefined ? { durationMs } : {};
    return { options: { ...options, ...length }, store, version, cwd: process.cwd(), signal };
  };
  const [a, b] = await Promise.all([session(words[0]), session(words[1])]);
  const measured = await compareLive({
    ...{ a, b, signal },
    runs: flags.runs ?? RUNS,
    onRun: (number, of, side) => out.note(`run ${number} of ${of}: ${side === "a" ? words[0] : words[1]}`),
  });
  return { ...measured, isInterleaved: true };
}

/** Runs that prove nothing by themselves prove nothing together. */
function withDoubts(comparison: ComparisonResult, doubts: readonly string[]): ComparisonResult {
  if (doubts.length === 0) return comparison;
  return { ...comparison, verdict: "INVALID", reasons: [...doubts, ...comparison.reasons] };
}

function tell(result: ComparisonResult, failure: DcsError | null, out: Output): number {
  const isDocument = out.mode === "json" || out.mode === "ndjson";
  if (failure === null || !isDocument) {
    out.result("bench.compare", result, {
      painted: (paint) => comparisonLines(result, paint),
      names: () => [result.verdict],
    });
  }
  if (failure !== null) throw failure;
  return VERDICT_EXIT[result.verdict];
}

function failureOf(result: ComparisonResult): DcsError | null {
  const [reason = ""] = result.reasons;
  if (result.verdict === "PASS") return null;
  return result.verdict === "FAIL"
    ? new DcsError("BENCH_FAILED", reason, { data: result })
    : new DcsError("BENCH_INVALID", `no verdict: ${reason}`, { data: result });
}
