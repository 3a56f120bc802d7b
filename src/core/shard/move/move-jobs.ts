import { isDcsError } from "../../errors.ts";
import { MoveLost } from "../map/move-lost.ts";
import type { RunnerRef } from "../map/shard-state.ts";
import type { MoveDeps } from "./move-deps.ts";
import { sayFailure } from "./move-errors.ts";
import type { MoveEvent, MoveResult } from "./move-event.ts";
import type { HeldMove } from "./move-record.ts";
import { runMove } from "./run-move.ts";

/** One move that is to be run, once it is its turn. */
export interface MoveJob {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
  /** As the plan estimated it; null where it is not known. */
  readonly rows: number | null;
  /** Goes back through a reverse window. */
  readonly undo: boolean;
  /** Claims it or takes it over; null where there is nothing to do any more. */
  readonly take: (runner: RunnerRef) => Promise<HeldMove | null>;
}

export interface JobsResult {
  /** In the order in which they ended. */
  readonly results: readonly MoveResult[];
  /** Those that were not begun, because of the signal or a failure before them. */
  readonly left: readonly MoveJob[];
}

/**
 * Runs moves, so many at once. A failure begins no new ones; those under way go on. A move whose reverse window is open makes room for the next
 * one, and is waited for at the end.
 */
export async function runJobs(
  jobs: readonly MoveJob[],
  deps: Omit<MoveDeps, "undo">,
  concurrency: number,
): Promise<JobsResult> {
  const queue = [...jobs];
  const results: MoveResult[] = [];
  const running: Promise<void>[] = [];
  let hasFailed = false;
  const ended = (result: MoveResult) => {
    results.push(result);
    if (result.outcome === "failed") hasFailed = true;
  };
  const worker = async () => {
    while (!hasFailed && !deps.signal.aborted) {
      const job = queue.shift();
      if (job === undefined) return;
      const held = await taken(job, deps).catch((error: unknown) => error);
      if (held === null) continue;
      if (!isHeld(held)) {
        ended(notBegun(job, held));
        continue;
      }
      const inWindow = Promise.withResolvers<void>();
      const onEvent = (event: MoveEvent) => {
        if (event.status.step === "window") inWindow.resolve();
        deps.onEvent?.(event);
      };
      const done = runMove(held, { ...deps, onEvent, undo: job.undo }, job.rows).then(ended);
      running.push(done);
      await Promise.race([done, inWindow.promise]);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, worker));
  await Promise.all(running);
  return { results, left: queue };
}

async function taken(
  { bucket, take }: MoveJob,
  { runner, shards }: Omit<MoveDeps, "undo">,
): Promise<HeldMove | null> {
  try {
    return await take(await runner());
  } catch (error) {
    if (!(error instanceof MoveLost)) throw error;
    // The answer was lost: where it was made it is ours, and on our lease.
    const held = await shards.takeOver(bucket, await runner(), { force: false });
    if (held === null) throw error;
    return held;
  }
}

function isHeld(held: unknown): held is HeldMove {
  return typeof held === "object" && held !== null && "token" in held && "record" in held;
}

function notBegun({ bucket, src, dst }: MoveJob, error: unknown): MoveResult {
  return {
    ...{ bucket, src, dst, outcome: "failed" as const, rows: 0, bytes: 0, applied: 0, durationMs: 0 },
    ...{ predictedPauseMs: null, pauseMs: null, checksums: {}, differences: [] },
    error: isDcsError(error) ? error : sayFailure(error, { bucket, src, dst }),
  };
}
