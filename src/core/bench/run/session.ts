import { cpus } from "node:os";
import type { Store } from "../../store/store.ts";
import type { BenchPlan } from "../bench-plan.ts";
import type { BenchThreshold } from "../judge/judge-run.ts";
import { Histograms } from "../latency-histogram.ts";
import type { BenchEnvironment, BenchResult } from "../result.ts";
import { type BenchOptions, benchPlan } from "./bench-options.ts";
import { benchEnvironment } from "./environment.ts";
import { FollowedService } from "./follow-service.ts";
import { fitOpenFiles } from "./open-files.ts";
import { probe } from "./probe.ts";
import type { RunProgress } from "./run-plan.ts";
import { NO_INSTANCES, runSeries } from "./run-series.ts";

export interface SessionOptions {
  readonly options: BenchOptions;
  /** Of the coordination store; asked for only when the target is a service. */
  readonly store: () => Promise<Store>;
  /** dcs's own version, for the record. */
  readonly version: string;
  readonly cwd: string;
  /** Before the first measurement: ends it with its reason. Later: what was measured is told. */
  readonly signal: AbortSignal;
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
  readonly environment: BenchEnvironment;
  readonly signal: AbortSignal;
}

/** A target that has answered its first request, and can be measured now, once or again and again. */
export class BenchSession implements AsyncDisposable {
  readonly #parts: SessionParts;

  private constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** Rejects with USAGE, BENCH_UNREACHABLE, SERVICE_NOT_FOUND, or what opening the target's backend rejects with. */
  static async open({ options, store, version, cwd, signal }: SessionOptions): Promise<BenchSession> {
    const wanted = fitOpenFiles(benchPlan(options, cpus().length));
    const { target } = wanted;
    const followed =
      target.kind === "service" ? await FollowedService.open(await store(), target, signal) : null;
    try {
      const [{ plan, notes }, histograms, environment] = await Promise.all([
        probe(wanted, followed?.now ?? [], signal),
        Histograms.load(),
        benchEnvironment(version, cwd),
      ]);
      return new BenchSession({ plan, notes, followed, histograms, environment, signal });
    } catch (error) {
      await followed?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What was asked for, as it can be run against this target. */
  get plan(): BenchPlan {
    return this.#parts.plan;
  }

  measure(measurement: Measurement): Promise<BenchResult> {
    const { notes, followed, histograms, environment, signal } = this.#parts;
    const instances = followed ?? NO_INSTANCES;
    return runSeries({ ...measurement, notes, instances, histograms, environment, signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.followed?.[Symbol.asyncDispose]();
  }
}
