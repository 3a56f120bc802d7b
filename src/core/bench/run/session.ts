import { cpus } from "node:os";
import type { Worker } from "node:worker_threads";
import { DcsError } from "../../errors.ts";
import type { Store } from "../../store/store.ts";
import type { BenchPlan } from "../bench-plan.ts";
import type { BenchThreshold } from "../judge/judge-run.ts";
import { Histograms } from "../latency-histogram.ts";
import type { BenchEngine, BenchEnvironment, BenchResult } from "../result.ts";
import { type BenchOptions, benchPlan } from "./bench-options.ts";
import { benchEnvironment } from "./environment.ts";
import { FollowedService } from "./follow-service.ts";
import { fitOpenFiles } from "./open-files.ts";
import { probe } from "./probe.ts";
import { type RunProgress, startThread } from "./run-plan.ts";
import { NO_INSTANCES, runSeries } from "./run-series.ts";

export interface SessionOptions {
  readonly options: BenchOptions;
  /** The coordination store; asked for only when the target is a service, and stays the caller's. */
  readonly store?: () => Promise<Store>;
  /** dcs's own version, for the record. */
  readonly version?: string;
  /** Whose commit is told; that of the process unless given. */
  readonly cwd?: string;
  /** Before the first measurement: ends it with its reason. Later: what was measured is told. */
  readonly signal?: AbortSignal;
}

export interface Measurement {
  readonly plan: BenchPlan;
  readonly thresholds: readonly BenchThreshold[];
  /** End early when a threshold is broken so many ms after the beginning; null: never. */
  readonly abortAfterMs: number | null;
  readonly runs: number;
  readonly onProgress?: (progress: RunProgress & { readonly run: number }) => void;
}

interface SessionParts {
  readonly plan: BenchPlan;
  readonly notes: readonly string[];
  readonly followed: FollowedService | null;
  readonly histograms: Histograms;
  /** Threads that were started while the target was looked at. */
  readonly spare: Worker[];
  readonly environment: BenchEnvironment;
  readonly signal: AbortSignal;
}

/** What the first request will probably say. */
function likelyEngine({ engine, target }: BenchPlan): BenchEngine {
  return engine === "loop" && target.kind === "http" ? "autocannon" : engine;
}

async function endThreads(threads: readonly Worker[]): Promise<void> {
  await Promise.allSettled(threads.map((thread) => thread.terminate()));
}

async function follow(
  { store }: SessionOptions,
  { target }: BenchPlan,
  signal: AbortSignal,
): Promise<FollowedService | null> {
  if (target.kind !== "service") return null;
  if (store === undefined) throw new DcsError("USAGE", "a service is found in the store, and none was given");
  return FollowedService.open(await store(), target, signal);
}

/** A target that has answered its first request, and can be measured now, once or again and again. */
export class BenchSession implements AsyncDisposable {
  readonly #parts: SessionParts;

  private constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** Rejects with USAGE, BENCH_UNREACHABLE, SERVICE_NOT_FOUND, or what opening the target's backend rejects with. */
  static async open(given: SessionOptions): Promise<BenchSession> {
    const { options, version = "unknown", cwd = process.cwd() } = given;
    const { signal = new AbortController().signal } = given;
    const wanted = fitOpenFiles(benchPlan(options, cpus().length));
    const spare = Array.from({ length: wanted.workers }, () => startThread(likelyEngine(wanted)));
    let followed: FollowedService | null = null;
    try {
      followed = await follow(given, wanted, signal);
      const [{ plan, notes }, histograms, environment] = await Promise.all([
        probe(wanted, followed?.now ?? [], signal),
        Histograms.load(),
        benchEnvironment(version, cwd),
      ]);
      return new BenchSession({ plan, notes, followed, histograms, spare, environment, signal });
    } catch (error) {
      await endThreads(spare);
      await followed?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What was asked for, as it can be run against this target. */
  get plan(): BenchPlan {
    return this.#parts.plan;
  }

  measure(measurement: Measurement): Promise<BenchResult> {
    const { notes, followed, histograms, spare, environment, signal } = this.#parts;
    const instances = followed ?? NO_INSTANCES;
    return runSeries({ ...measurement, notes, instances, histograms, spare, environment, signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endThreads(this.#parts.spare);
    await this.#parts.followed?.[Symbol.asyncDispose]();
  }
}
