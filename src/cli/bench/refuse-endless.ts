import { DcsError } from "../../core/errors.ts";
import { formatDuration } from "../../core/util/duration.ts";
import type { LoadInput } from "./bench-request.ts";

const HOUR = 3_600_000;
/** Timers of Node end at 24.8 days, and begin at once beyond. */
const WEEK = 168 * HOUR;
/** What histograms hold. */
const REQUEST = HOUR;

/** USAGE for times that are longer than can be measured; `stagesMs` is that of all stages together. */
export function refuseEndless(flags: LoadInput, stagesMs: number): void {
  refuse("duration", flags.duration ?? 0, WEEK);
  refuse("stages", stagesMs, WEEK);
  refuse("warmup", flags.warmup ?? 0, WEEK);
  refuse("request-timeout", flags["request-timeout"] ?? 0, REQUEST);
}

function refuse(name: string, ms: number, most: number): void {
  if (ms <= most) return;
  throw new DcsError("USAGE", `--${name}: ${formatDuration(ms)} is longer than ${formatDuration(most)}`, {
    hint: `give ${formatDuration(most)} at most`,
    details: { flag: `--${name}`, value: ms, allowed: `up to ${formatDuration(most)}` },
  });
}
