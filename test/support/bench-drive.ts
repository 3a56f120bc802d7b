import type { BenchPlan } from "../../src/core/bench/bench-plan.ts";
import { parseBenchTarget } from "../../src/core/bench/bench-target.ts";
import type { Driver } from "../../src/core/bench/drive/driver.ts";
import { openDriver } from "../../src/core/bench/drive/open-driver.ts";
import { Histograms } from "../../src/core/bench/latency-histogram.ts";
import { ClosedLoop } from "../../src/core/bench/load/closed-loop.ts";
import { now } from "../../src/core/bench/load/now.ts";
import { Recorder } from "../../src/core/bench/load/recorder.ts";
import type { RequestCounts } from "../../src/core/bench/result.ts";
import { DcsError } from "../../src/core/errors.ts";

/** A plan of max mode with as many connections as `connections` says (4). */
export function benchPlan(target: string, more: Partial<BenchPlan> = {}): BenchPlan {
  return {
    target: parseBenchTarget(target),
    http: {
      method: "GET",
      headers: [],
      body: null,
      http2: false,
      streams: 1,
      insecure: false,
      ca: null,
      okStatuses: [],
    },
    grpc: { proto: null, message: "{}", metadata: [], insecure: false, ca: null },
    operation: null,
    places: null,
    engine: "loop",
    mode: "max",
    connections: 4,
    workers: 1,
    durationMs: null,
    amount: null,
    warmupMs: 0,
    stages: null,
    arrival: "even",
    seed: 1,
    maxInFlight: 1000,
    requestTimeoutMs: 10_000,
    sliceMs: 1000,
    ...more,
  };
}

/** The driver of a plan's target, of the only worker. */
export function openPlan(plan: BenchPlan): Promise<Driver> {
  const { connections, requestTimeoutMs } = plan;
  return openDriver(plan, { connections, requestTimeoutMs, worker: 0 });
}

/** What opening the driver rejects with; null when it can be opened. */
export async function refusalOf(plan: BenchPlan): Promise<Refusal | null> {
  try {
    await (await openPlan(plan)).close();
    return null;
  } catch (error) {
    if (!(error instanceof DcsError)) throw error;
    const { code, exitCode, message, hint } = error;
    return { code, exitCode, message, hint };
  }
}

export interface Refusal {
  readonly code: string;
  readonly exitCode: number;
  readonly message: string;
  readonly hint: string;
}

/** What a closed loop saw. */
export interface Driven {
  readonly counts: RequestCounts;
  readonly bytes: number;
  /** By kind. */
  readonly errors: Readonly<Record<string, number>>;
  /** One for each kind. */
  readonly examples: Readonly<Record<string, string>>;
  readonly maxMs: number;
  readonly serviceMaxMs: number;
}

export interface DriveOptions {
  /** Ends after so many; without, `until` does. */
  readonly requests?: number;
  readonly lanes?: number;
  readonly timeoutMs?: number;
  /** Called once it runs, with the loop; the loop is stopped, with what is under way, when it resolves. */
  readonly during?: (loop: ClosedLoop) => Promise<void>;
}

/** Keeps `lanes` (4) requests under way until all are done. */
export async function drive(
  driver: Driver,
  { requests, lanes = 4, timeoutMs = 10_000, during }: DriveOptions,
): Promise<Driven> {
  const histograms = await Histograms.load();
  const recorder = new Recorder(histograms, { hasInstances: false, hasService: true });
  const loop = new ClosedLoop({ driver, recorder, timeoutMs, lanes, amount: requests ?? null, now });
  const run = loop.run({ beginMs: now(), measureMs: 0, endMs: null });
  if (during !== undefined) {
    await during(loop);
    if (requests === undefined) loop.stop();
  }
  await run;
  const { counts, bytes, errors, latency, service } = recorder.take(0);
  return {
    counts,
    bytes,
    errors: Object.fromEntries(errors.map(({ kind, count }) => [kind, count])),
    examples: Object.fromEntries(errors.map(({ kind, example }) => [kind, example])),
    maxMs: histograms.decode(latency).max,
    serviceMaxMs: histograms.decode(service).max,
  };
}

/** What is said of a request under way when the driver is closed (once `before` is over), and for a moment after that. */
export async function saidAroundClose(
  driver: Driver,
  before: () => Promise<void> = async () => {},
): Promise<readonly string[]> {
  const said: string[] = [];
  driver.send({
    instance: 0,
    cancel: null,
    began: () => said.push("began"),
    ok: () => said.push("ok"),
    failed: (kind) => said.push(kind),
  });
  await before();
  await driver.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  return said;
}
