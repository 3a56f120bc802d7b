import { BENCH_METRICS } from "../../core/bench/judge/bench-metrics.ts";
import { DcsError } from "../../core/errors.ts";
import { parseThreshold, type Threshold } from "../../core/verdict/threshold.ts";

/** Flags that `--find-max` leaves no room for. */
const EXCLUDED = ["stages", "requests", "runs", "baseline", "save"] as const;

/** The threshold of `--find-max`. USAGE for what is none, or beside a flag that says how often or how long by itself. */
export function parseSought(
  flags: { readonly "find-max"?: string | undefined } & {
    readonly [name in (typeof EXCLUDED)[number]]?: unknown;
  },
): Threshold {
  const clash = EXCLUDED.find((name) => flags[name] !== undefined);
  if (clash !== undefined) {
    throw new DcsError("USAGE", `--find-max cannot go with --${clash}: it chooses the rates itself`, {
      hint: `leave --${clash} out; --duration is the length of each step, --rate the first`,
      details: { flag: "--find-max", excluded: EXCLUDED.map((name) => `--${name}`) },
    });
  }
  return parseThreshold(flags["find-max"] ?? "", "--find-max", BENCH_METRICS);
}
