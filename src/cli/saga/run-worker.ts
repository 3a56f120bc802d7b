import { toDcsError } from "../../core/errors.ts";
import type { Sagas } from "../../core/saga/run/sagas.ts";
import type { WorkerEvent } from "../../core/saga/run/worker.ts";
import type { Store } from "../../core/store/store.ts";
import type { Output } from "../output.ts";
import { announceWorker } from "./workers.ts";

export interface WorkerRun {
  readonly sagas: Sagas;
  readonly store: () => Promise<Store>;
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly concurrency: number;
  readonly pollMs: number;
  readonly untilIdle: boolean;
}

/** A worker until `signal` aborts (or nothing is due, with `untilIdle`); tells what it does. */
export async function runWorker(run: WorkerRun): Promise<void> {
  const { sagas, out, signal, concurrency, pollMs, untilIdle } = run;
  const counts = { active: 0, ended: 0, parked: 0, failed: 0 };
  const onEvent = (event: WorkerEvent) => {
    count(counts, event);
    tell(out, event);
  };
  const worker = await sagas.worker({ concurrency, pollMs, untilIdle, onEvent });
  await using _seen = await announceWorker(run, () => ({ ...counts, concurrency }));
  out.event(
    "started",
    { concurrency, journal: sagas.journal.url },
    `working  ${sagas.journal.url}, ${concurrency} runs at a time`,
  );
  await worker.work(signal);
  out.event("stopped", counts, `stopped  ${counts.ended} ended, ${counts.parked} parked`);
}

function count(
  counts: { active: number; ended: number; parked: number; failed: number },
  { type }: WorkerEvent,
) {
  if (type === "claimed") counts.active++;
  else if (type !== "journal-down" && type !== "journal-up") counts.active--;
  if (type === "ended" || type === "parked" || type === "failed") counts[type]++;
}

function tell(out: Output, event: WorkerEvent): void {
  switch (event.type) {
    case "journal-down":
      out.event(
        event.type,
        { code: event.error.code, message: event.error.message },
        `journal down  ${event.error.message}`,
      );
      return;
    case "journal-up":
      out.event(event.type, {}, "journal up");
      return;
    case "failed": {
      const { code, message } = toDcsError(event.error);
      out.event(
        "failed",
        { run: event.runId, saga: event.saga, code, message },
        `failed    ${event.runId}  ${message}`,
      );
      return;
    }
    case "claimed":
      out.event(
        "claimed",
        { run: event.runId, saga: event.saga, epoch: event.epoch },
        `claimed   ${event.runId}  ${event.saga}`,
      );
      return;
    default: {
      const { status, cause } = event.state;
      const word = event.type === "ended" ? status : event.type;
      const why = cause === null ? "" : `: ${cause.message}`;
      out.event(
        word,
        { run: event.runId, saga: event.saga, status, cause },
        `${word.padEnd(9)} ${event.runId}  ${event.saga}${why}`,
      );
    }
  }
}
