import { expect } from "vitest";
import { benchOptions, type LoadInput } from "../../src/cli/bench/bench-request.ts";
import type { BenchResult } from "../../src/core/bench/result.ts";
import { runBench } from "../../src/core/bench/run/run-bench.ts";

export interface BenchRunOptions extends LoadInput {
  readonly thresholds?: readonly string[];
  readonly abortAfterMs?: number;
  readonly signal?: AbortSignal;
}

/** Runs a benchmark in this process, by the flags of the command. */
export async function benchRun(target: string, options: BenchRunOptions): Promise<BenchResult> {
  const { thresholds = [], abortAfterMs = null, signal = new AbortController().signal, ...flags } = options;
  const unused = () => Promise.reject(new Error("nothing else is needed"));
  return runBench({
    options: await benchOptions(target, flags, unused),
    ...{ thresholds, abortAfterMs, signal },
  });
}

const ATTEMPTS = 8;

/**
 * Measures until the times are right, a few times at most: what else runs on the machine adds to times now and then, and what dcs
 * adds it adds always. What must hold in every attempt belongs before the times.
 */
export async function measured(attempt: () => Promise<() => void>): Promise<void> {
  for (let number = 1; ; number++) {
    const times = await attempt();
    try {
      times();
      return;
    } catch (error) {
      if (number === ATTEMPTS) throw error;
    }
  }
}

/** The value is what it must be, to 3%. */
export function expectClose(value: number, truth: number, what: string, share = 0.03): void {
  expect(Math.abs(value - truth) / truth, `${what}: ${value} where ${truth} is right`).toBeLessThan(share);
}
