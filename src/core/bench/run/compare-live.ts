import type { BenchResult } from "../result.ts";
import { abbaOrder } from "../stats/abba.ts";
import { runsOf, type SavedRuns } from "./saved-runs.ts";
import { BenchSession, type Measurement, type SessionOptions } from "./session.ts";

export interface CompareLiveOptions {
  readonly a: SessionOptions;
  readonly b: SessionOptions;
  /** Of each side. */
  readonly runs: number;
  /** A run begins: its number from 1, of all runs, and whose it is. */
  readonly onRun: (number: number, of: number, side: "a" | "b") => void;
  readonly signal: AbortSignal;
}

/** What was measured of both, in turns. */
export interface ComparedLive {
  readonly a: SavedRuns;
  readonly b: SavedRuns;
  /** Of runs that prove nothing by themselves, why; each reason once. */
  readonly doubts: readonly string[];
  /** Stopped before all runs were made; the one that was under way is not among them. */
  readonly isStopped: boolean;
}

/**
 * Measures two targets in turns (ABBA), so that what changes on the machine meanwhile is in both. Rejects as `BenchSession.open`, and
 * with the signal's reason when it was stopped before there was a run of each.
 */
export async function compareLive(options: CompareLiveOptions): Promise<ComparedLive> {
  await using first = await BenchSession.open(options.a);
  await using second = await BenchSession.open(options.b);
  const sessions = { a: first, b: second };
  const plans = { a: first.plan, b: second.plan };
  // Where one of them cannot be driven by autocannon, neither is: results of two engines say nothing about each other.
  if (plans.a.engine !== plans.b.engine) {
    plans.a = { ...plans.a, engine: "loop" };
    plans.b = { ...plans.b, engine: "loop" };
  }
  const results: { readonly a: BenchResult[]; readonly b: BenchResult[] } = { a: [], b: [] };
  const order = abbaOrder(options.runs);
  for (const [index, side] of order.entries()) {
    if (options.signal.aborted) break;
    options.onRun(index + 1, order.length, side);
    const result = await sessions[side].measure(once(plans[side]));
    if (result.endedBy === null) results[side].push(result);
  }
  if (results.a.length === 0 || results.b.length === 0) options.signal.throwIfAborted();
  const all = [...results.a, ...results.b];
  return {
    a: together(results.a),
    b: together(results.b),
    doubts: [
      ...new Set(all.filter(({ verdict }) => verdict === "INVALID").flatMap(({ reasons }) => reasons)),
    ],
    isStopped: options.signal.aborted,
  };
}

function once(plan: Measurement["plan"]): Measurement {
  return { plan, thresholds: [], abortAfterMs: null, runs: 1 };
}

function together(results: readonly BenchResult[]): SavedRuns {
  const [first] = results;
  if (first === undefined) throw new Error("a side without runs");
  return { ...runsOf(first), runs: results.flatMap(({ runs }) => runs) };
}
