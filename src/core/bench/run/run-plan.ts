import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { DcsError } from "../../errors.ts";
import { entryUrl } from "../../util/entry.ts";
import { type BenchPlan, hasService } from "../bench-plan.ts";
import type { DriverInstance } from "../drive/driver.ts";
import type { Histograms } from "../latency-histogram.ts";
import type { LoadWindow } from "../load/load.ts";
import { now } from "../load/now.ts";
import { requestsUntil } from "../load/schedule.ts";
import type { BenchOrder, BenchReport, BenchWorkerData } from "../load/worker-messages.ts";
import type { BenchEngine } from "../result.ts";
import { Gathering } from "./gathering.ts";

/** Who ended a run before its time. */
export type EarlyEnd = "person" | "threshold";

export interface RunOutcome {
  readonly gathering: Gathering;
  readonly startedAt: string;
  /** Of the measurement. */
  readonly durationMs: number;
  /** Requests per second that the schedule held; null in max mode. */
  readonly offered: number | null;
  /** Of the busiest worker. */
  readonly utilisation: number;
  readonly endedBy: EarlyEnd | null;
}

export interface RunPlanOptions {
  readonly plan: BenchPlan;
  readonly histograms: Histograms;
  /** Threads that were started before; as many as are needed are taken out of it. */
  readonly spare?: Worker[];
  /** The instances of a service, now; empty for other targets. */
  readonly instances: readonly DriverInstance[];
  /** Calls back when they have changed; returns how to end that. */
  readonly onInstances?: (listener: (instances: readonly DriverInstance[]) => void) => () => void;
  /** After each slice of all workers; what it returns ends the run early. */
  readonly onProgress?: (progress: RunProgress) => EarlyEnd | null;
  /** Ends it early: nothing more is sent, and answers are not waited for. */
  readonly signal: AbortSignal;
}

export interface RunProgress {
  readonly gathering: Gathering;
  /** Since the measurement began; below 0 while it warms up. */
  readonly elapsedMs: number;
  readonly phase: "warm-up" | "load" | "last answers";
}

/** Between the last worker's readiness and the beginning, so that all of them begin together. */
const LEAD_MS = 20;
const PROGRESS_MS = 250;
const LEAVE_MS = 3000;

/** Runs a plan once, on threads of its own. Rejects when the target cannot be used, or a worker died. */
export async function runPlan(options: RunPlanOptions): Promise<RunOutcome> {
  const { plan, histograms, signal } = options;
  const gathering = new Gathering({
    histograms,
    workers: plan.workers,
    sliceMs: plan.sliceMs,
    hasService: hasService(plan),
    durationMs: plan.durationMs,
  });
  await using crew = new Crew(options, gathering);
  await crew.ready();
  const startedAt = new Date().toISOString();
  const beginMs = now() + LEAD_MS;
  const measureMs = beginMs + plan.warmupMs;
  const endMs = plan.durationMs === null ? null : measureMs + plan.durationMs;
  const window: LoadWindow = { beginMs, measureMs, endMs };
  let endedBy: EarlyEnd | null = null;
  let stoppedMs = Number.POSITIVE_INFINITY;
  const stop = (by: EarlyEnd) => {
    if (endedBy !== null) return;
    endedBy = by;
    stoppedMs = now();
    crew.order({ type: "stop" });
  };
  const onAbort = () => stop("person");
  signal.addEventListener("abort", onAbort, { once: true });
  const unfollow = options.onInstances?.((instances) => crew.order({ type: "follow", instances }));
  const progress = setInterval(() => {
    const at = now();
    const phase = at < measureMs ? "warm-up" : endMs !== null && at >= endMs ? "last answers" : "load";
    const early = options.onProgress?.({ gathering, elapsedMs: at - measureMs, phase }) ?? null;
    if (early !== null) stop(early);
  }, PROGRESS_MS);
  try {
    crew.order({ type: "start", window });
    if (signal.aborted) onAbort();
    const { endedMs, utilisation } = await crew.done();
    await crew.leave();
    const durationMs = Math.max(Math.min(endMs ?? endedMs, stoppedMs) - measureMs, 0);
    gathering.end(durationMs);
    return { gathering, startedAt, durationMs, offered: offeredRate(plan, durationMs), utilisation, endedBy };
  } finally {
    clearInterval(progress);
    unfollow?.();
    signal.removeEventListener("abort", onAbort);
  }
}

function offeredRate({ stages }: BenchPlan, durationMs: number): number | null {
  if (stages === null) return null;
  const [first] = stages;
  if (first !== undefined && stages.every(({ from, to }) => from === first.from && to === first.from))
    return first.from;
  return durationMs === 0 ? 0 : requestsUntil(stages, durationMs) / (durationMs / 1000);
}

interface Done {
  readonly endedMs: number;
  readonly utilisation: number;
}

/** A thread that loads what a load of the engine needs, and waits to be told more. Whoever starts it ends it. */
export function startThread(likely: BenchEngine): Worker {
  const workerData: BenchWorkerData = { likely };
  const thread = new Worker(entryUrl("bench-worker"), { workerData, execArgv: [], stdin: false });
  // Whoever uses it listens, too; until then its end is nobody's failure.
  thread.on("error", () => {});
  return thread;
}

/** Takes one that lives out of those that were started before. */
function takeSpare(spare: Worker[]): Worker | null {
  for (let thread = spare.pop(); thread !== undefined; thread = spare.pop()) {
    if (thread.threadId !== -1) return thread;
  }
  return null;
}

/** The workers of one run. */
class Crew implements AsyncDisposable {
  readonly #workers: readonly Worker[];
  readonly #ready: readonly PromiseWithResolvers<void>[];
  readonly #done: readonly PromiseWithResolvers<Done>[];
  readonly #gone: readonly Promise<unknown>[];

  constructor({ plan, instances, spare = [] }: RunPlanOptions, gathering: Gathering) {
    const numbers = Array.from({ length: plan.workers }, (_, worker) => worker);
    this.#ready = numbers.map(() => Promise.withResolvers<void>());
    this.#done = numbers.map(() => Promise.withResolvers<Done>());
    // Looked at later, and a failure before that is no failure of nobody's.
    for (const { promise } of [...this.#ready, ...this.#done]) promise.catch(() => {});
    this.#workers = numbers.map((worker) => {
      const thread = takeSpare(spare) ?? startThread(plan.engine);
      const fail = (error: unknown) => {
        this.#ready[worker]?.reject(error);
        this.#done[worker]?.reject(error);
      };
      thread.once("error", fail);
      thread.once("exit", (code) =>
        fail(new DcsError("UNEXPECTED", `worker ${worker} of the benchmark ended with ${code}`)),
      );
      thread.on("message", (report: BenchReport) => {
        if (report.type === "ready") this.#ready[worker]?.resolve();
        else if (report.type === "slice") gathering.add(worker, report.slice);
        else if (report.type === "done") this.#done[worker]?.resolve(report);
        else fail(new DcsError(report.code, report.message, { hint: report.hint }));
      });
      thread.postMessage({ type: "open", plan, worker, instances } satisfies BenchOrder);
      return thread;
    });
    this.#gone = this.#workers.map((thread) => new Promise((resolve) => thread.once("exit", resolve)));
  }

  async ready(): Promise<void> {
    await Promise.all(this.#ready.map(({ promise }) => promise));
  }

  order(order: BenchOrder): void {
    for (const worker of this.#workers) worker.postMessage(order);
  }

  async done(): Promise<Done> {
    const all = await Promise.all(this.#done.map(({ promise }) => promise));
    return {
      endedMs: Math.max(...all.map(({ endedMs }) => endedMs)),
      utilisation: Math.max(...all.map(({ utilisation }) => utilisation)),
    };
  }

  /** Lets them close what they opened, and give back what they hold. */
  async leave(): Promise<void> {
    await Promise.race([Promise.all(this.#gone), sleep(LEAVE_MS, undefined, { ref: false })]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#workers.map((worker) => worker.terminate()));
  }
}
