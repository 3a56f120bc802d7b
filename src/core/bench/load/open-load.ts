import { seededRandom } from "../../util/seeded-random.ts";
import type { BenchPlan } from "../bench-plan.ts";
import type { Driver, DriverInstance } from "../drive/driver.ts";
import { openDriver } from "../drive/open-driver.ts";
import type { BenchEngine } from "../result.ts";
import { AutocannonLoad } from "./autocannon-load.ts";
import { ClosedLoop } from "./closed-loop.ts";
import type { Load } from "./load.ts";
import { now } from "./now.ts";
import { Pacer } from "./pacer.ts";
import type { Recorder } from "./recorder.ts";
import { Schedule, type Stage } from "./schedule.ts";
import { Ticker } from "./ticker.ts";

/** A worker's load, ready to run, and what must be released after it. */
export interface OpenLoad extends AsyncDisposable {
  readonly load: Load;
  follow(instances: readonly DriverInstance[]): void;
}

/** `worker`'s part of `total`: the first get what cannot be divided. */
function partOf(total: number, { workers }: BenchPlan, worker: number): number {
  return Math.floor(total / workers) + (worker < total % workers ? 1 : 0);
}

/** The plan's load, as one of its workers runs it. Rejects when the target cannot be used at all. */
export async function openLoad(plan: BenchPlan, worker: number, recorder: Recorder): Promise<OpenLoad> {
  const { engine, target, http: request, requestTimeoutMs: timeoutMs } = plan;
  const lanes = plan.connections === null ? null : partOf(plan.connections, plan, worker);
  const amount = plan.amount === null ? null : partOf(plan.amount, plan, worker);
  if (engine === "autocannon" && target.kind === "http") {
    const { url } = target;
    return {
      load: await AutocannonLoad.open({ url, request, recorder, timeoutMs, lanes: lanes ?? 1, amount }),
      follow: () => {},
      [Symbol.asyncDispose]: async () => {},
    };
  }
  const driver = await openDriver(plan, { connections: lanes, requestTimeoutMs: timeoutMs, worker });
  if (engine === "loop") {
    const streams = request.http2 ? request.streams : 1;
    const loop = { driver, recorder, timeoutMs, lanes: (lanes ?? 1) * streams, amount, now };
    return opened(new ClosedLoop(loop), driver, null);
  }
  const ticker = await Ticker.open();
  const maxInFlight = Math.max(1, partOf(plan.maxInFlight, plan, worker));
  const schedule = new Schedule({
    stages: withWarmup(plan),
    arrival: plan.arrival,
    worker,
    workers: plan.workers,
    // Counts from the warm-up's first, which belongs to no measurement.
    amount: plan.amount,
    random: seededRandom(plan.seed + worker),
  });
  return opened(
    new Pacer({ schedule, driver, recorder, ticker, timeoutMs, maxInFlight, now }),
    driver,
    ticker,
  );
}

/** Loads what a load of the engine needs, while something else is waited for. */
export async function preload(engine: BenchEngine): Promise<void> {
  if (engine === "autocannon") await import("autocannon");
  else await Promise.all([import("../drive/http-driver.ts"), import("undici")]);
}

/** The stages with the warm-up before them. */
function withWarmup({ stages, warmupMs }: BenchPlan): readonly Stage[] {
  const given = stages ?? [];
  const [first] = given;
  if (first === undefined || warmupMs === 0) return given;
  return [{ from: first.from, to: first.from, durationMs: warmupMs }, ...given];
}

function opened(load: Load, driver: Driver, ticker: Ticker | null): OpenLoad {
  return {
    load,
    follow: (instances) => driver.follow?.(instances),
    async [Symbol.asyncDispose]() {
      await ticker?.[Symbol.asyncDispose]();
      await driver.close();
    },
  };
}
