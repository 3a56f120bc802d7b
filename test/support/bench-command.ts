import { expect } from "vitest";
import type { BenchResult } from "../../src/core/bench/result.ts";
import { type RunningDcs, type Sandbox, startDcs } from "./start-dcs.ts";

/** What `dcs bench … --json` has said. */
export interface BenchSaid {
  readonly code: number | null;
  /** The result, wherever it stands; null when there is none. */
  readonly result: BenchResult | null;
  /** Null when it passed. */
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint: string;
    readonly details: Readonly<Record<string, unknown>>;
  } | null;
  readonly stderr: string;
  readonly tookMs: number;
}

export interface RunningBench {
  readonly dcs: RunningDcs;
  readonly said: Promise<BenchSaid>;
}

/** Starts `dcs bench ARGS --json`. */
export function startBench(
  box: Sandbox,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningBench {
  const beganMs = performance.now();
  const dcs = startDcs(box, ["bench", ...args, "--json"], env);
  const said = dcs.done.then(({ code, stdout, stderr }) => {
    const tookMs = performance.now() - beganMs;
    expect(stdout.trimEnd(), `one document, and stderr: ${stderr}`).not.toBe("");
    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    const document = JSON.parse(stdout) as {
      readonly data?: BenchResult;
      readonly error?: NonNullable<BenchSaid["error"]>;
    };
    const result = document.data ?? null;
    if (result !== null && "requests" in result) expectExact(result);
    return { code, result, error: document.error ?? null, stderr, tookMs };
  });
  return { dcs, said };
}

export function benchSays(
  box: Sandbox,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<BenchSaid> {
  return startBench(box, args, env).said;
}

/** Every request that was sent has come to one end, and each way of counting comes to the same. */
export function expectExact({ requests, errors, instances }: BenchResult): void {
  const { sent, ok, errors: failed, timeouts, unfinished } = requests;
  expect(ok + failed + timeouts + unfinished, JSON.stringify(requests)).toBe(sent);
  const kinds = errors.reduce((sum, { count }) => sum + count, 0);
  expect(kinds, JSON.stringify(errors)).toBe(failed + timeouts);
  for (const { requests: own } of instances) {
    expect(own.ok + own.errors + own.timeouts + own.unfinished).toBe(own.sent);
  }
}
