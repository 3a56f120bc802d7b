/** One worker of a benchmark: a thread with a load of its own, which tells what it saw slice by slice. */
import { parentPort, workerData } from "node:worker_threads";
import { toDcsError } from "../../errors.ts";
import { type BenchPlan, hasService } from "../bench-plan.ts";
import { Histograms } from "../latency-histogram.ts";
import type { LoadWindow } from "./load.ts";
import { msUntil, now } from "./now.ts";
import { type OpenLoad, openLoad, preload } from "./open-load.ts";
import { Recorder } from "./recorder.ts";
import type { BenchOrder, BenchReport, BenchWorkerData } from "./worker-messages.ts";

const { likely } = workerData as BenchWorkerData;
const loading = Histograms.load();

function tell(report: BenchReport): void {
  parentPort?.postMessage(report);
}

/** When slice number `index` ends, in ms of the measurement; the last one within it ends with it. */
function endOf({ sliceMs, durationMs }: BenchPlan, index: number): number {
  const isLast = durationMs !== null && index === Math.ceil(durationMs / sliceMs) - 1;
  return isLast ? durationMs : (index + 1) * sliceMs;
}

/** Posts a slice at each of its ends, until it is stopped; the last call posts what is left. */
function slicing(recorder: Recorder, plan: BenchPlan, { measureMs }: LoadWindow): () => void {
  let index = 0;
  let timer: NodeJS.Timeout | undefined;
  const take = () => {
    tell({ type: "slice", slice: recorder.take(index) });
    index += 1;
  };
  const next = () => {
    timer = setTimeout(
      () => {
        take();
        next();
      },
      msUntil(measureMs + endOf(plan, index)),
    );
  };
  next();
  return () => {
    clearTimeout(timer);
    take();
  };
}

/** The share of the measured time in which this thread's event loop worked; ask when it has ended. */
function utilisation({ measureMs, endMs }: LoadWindow): (spunMs: number) => number {
  let begun = performance.eventLoopUtilization();
  let ended: ReturnType<typeof performance.eventLoopUtilization> | null = null;
  const timers = [
    setTimeout(() => {
      begun = performance.eventLoopUtilization();
    }, msUntil(measureMs)),
  ];
  if (endMs !== null)
    timers.push(
      setTimeout(() => {
        ended = performance.eventLoopUtilization();
      }, msUntil(endMs)),
    );
  return (spunMs) => {
    for (const timer of timers) clearTimeout(timer);
    const last = ended ?? performance.eventLoopUtilization();
    const { active, idle } = performance.eventLoopUtilization(last, begun);
    return active + idle === 0 ? 0 : Math.max(0, active - spunMs) / (active + idle);
  };
}

/** What is open in this thread. */
interface Opened {
  readonly load: OpenLoad;
  readonly recorder: Recorder;
  readonly plan: BenchPlan;
}

async function open({
  plan,
  worker,
  instances,
}: Extract<BenchOrder, { readonly type: "open" }>): Promise<Opened> {
  const recorder = new Recorder(await loading, {
    hasInstances: plan.target.kind === "service",
    hasService: hasService(plan),
  });
  const load = await openLoad(plan, worker, recorder);
  load.follow(instances);
  return { load, recorder, plan };
}

async function run({ load, recorder, plan }: Opened, window: LoadWindow): Promise<void> {
  const used = utilisation(window);
  const endSlices = slicing(recorder, plan, window);
  await load.load.run(window);
  const endedMs = now();
  endSlices();
  tell({ type: "done", endedMs, utilisation: used(load.load.spunMs ?? 0) });
}

/** The run, and the end of this thread. Never rejects. */
async function serve(opened: Opened, window: LoadWindow): Promise<void> {
  try {
    await using _ = opened.load;
    await run(opened, window);
  } catch (error) {
    fail(error);
  }
  parentPort?.close();
}

let opened: Opened | null = null;
parentPort?.on("message", (order: BenchOrder) => {
  if (order.type === "open") {
    open(order).then((made) => {
      opened = made;
      tell({ type: "ready" });
    }, fail);
  } else if (opened === null) return;
  else if (order.type === "start") void serve(opened, order.window);
  else if (order.type === "follow") opened.load.follow(order.instances);
  else if (order.type === "finish") opened.load.load.finish();
  else opened.load.load.stop();
});
// What fails to load now is told when it is needed.
preload(likely).catch(() => {});

function fail(error: unknown): void {
  const { code, message, hint } = toDcsError(error);
  tell({ type: "failed", code, message, hint });
  parentPort?.close();
}
