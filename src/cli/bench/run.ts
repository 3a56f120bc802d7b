import type { BenchResult } from "../../core/bench/result.ts";
import { runBench } from "../../core/bench/run/run-bench.ts";
import { runsOf, saveRuns } from "../../core/bench/run/saved-runs.ts";
import type { Settings } from "../../core/config/settings.ts";
import { DcsError } from "../../core/errors.ts";
import type { Store } from "../../core/store/store.ts";
import { VERDICT_EXIT } from "../../core/verdict/verdict.ts";
import type { Output } from "../output.ts";
import { benchOptions, type LoadInput } from "./bench-request.ts";
import { BenchProgress } from "./progress.ts";
import { type ReportFlags, refuseUnwritable, writeReports } from "./reports.ts";
import { benchLines } from "./result-lines.ts";
import { parseSought } from "./sought.ts";
import { stoppedEarly } from "./stopped-early.ts";
import { withBaseline } from "./with-baseline.ts";
import { failureToWrite, worstOf } from "./written.ts";

/** What was typed. */
export interface BenchInput extends LoadInput, ReportFlags {
  readonly threshold?: readonly string[] | undefined;
  readonly "abort-early"?: number | undefined;
  readonly runs?: number | undefined;
  readonly "min-effect"?: string | undefined;
  readonly baseline?: string | undefined;
  readonly save?: string | undefined;
  readonly "find-max"?: string | undefined;
}

/** What of the command it needs. */
export interface BenchPlaces {
  readonly settings: () => Promise<Settings>;
  readonly store: () => Promise<Store>;
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly version: string;
}

/** `dcs bench`: runs it, tells the result, writes what was asked for, and gives the exit status of the verdict. */
export async function bench(target: string, flags: BenchInput, places: BenchPlaces): Promise<number> {
  const { out } = places;
  const findMax = flags["find-max"] === undefined ? null : parseSought(flags);
  const options = await benchOptions(target, flags, places.settings);
  const baseline = await withBaseline(flags);
  refuseUnwritable(flags);
  const quit = new AbortController();
  await using progress = new BenchProgress({ out, onQuit: () => quit.abort() });
  const measured = await runBench({
    ...{ options, findMax, runs: flags.runs ?? baseline.runs },
    thresholds: flags.threshold ?? [],
    abortAfterMs: flags["abort-early"] ?? null,
    ...{ store: places.store, version: places.version, cwd: process.cwd() },
    onPlan: (plan) => progress.begin(plan, flags.runs ?? baseline.runs),
    onProgress: (step, plan) => progress.show(step, plan),
    onStep: (step) => progress.step(step),
    signal: AbortSignal.any([places.signal, quit.signal]),
  });
  await progress.end();
  const result = baseline.judge(measured);
  const unwritten = await failureToWrite(async () => {
    if (flags.save !== undefined) await saveRuns(flags.save, runsOf(result));
    await writeReports(result, flags, out);
  });
  return tell(result, worstOf(failureOf(result, places.signal), unwritten, result, out), out);
}

function tell(result: BenchResult, failure: DcsError | null, out: Output): number {
  const isDocument = out.mode === "json" || out.mode === "ndjson";
  // With JSON there is one document: the failure carries the result as its data.
  if (failure === null || !isDocument) {
    out.result("bench", result, {
      painted: (paint) => benchLines(result, paint),
      names: () => [result.verdict],
    });
  }
  if (failure !== null) throw failure;
  return VERDICT_EXIT[result.verdict];
}

function failureOf(result: BenchResult, signal: AbortSignal): DcsError | null {
  const [reason = ""] = result.reasons;
  // Whatever was measured until then: who was stopped has not done what was asked.
  if (result.endedBy === "person" && signal.aborted) return stoppedEarly(signal, result);
  if (result.verdict === "FAIL") {
    return new DcsError("BENCH_FAILED", reason, { data: result, details: { target: result.target } });
  }
  if (result.verdict === "PASS") return null;
  return new DcsError("BENCH_INVALID", `no verdict: ${reason}`, {
    data: result,
    details: { target: result.target, reasons: result.reasons },
  });
}
