import type { BenchPlan } from "../../core/bench/bench-plan.ts";
import { sayTarget } from "../../core/bench/bench-target.ts";
import type { FindMaxStep } from "../../core/bench/result.ts";
import type { RunProgress } from "../../core/bench/run/run-plan.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { printable } from "../../core/util/printable.ts";
import { formatMetric } from "../../core/verdict/metric.ts";
import type { BenchView } from "../../views/bench-view.ts";
import { wantsColour } from "../colour.ts";
import type { Output } from "../output.ts";

export interface BenchProgressOptions {
  readonly out: Output;
  /** `q` was pressed: end it, and report. */
  readonly onQuit: () => void;
}

/** In a log, a line so often, ms. */
const LINE_MS = 990;

/** Shows how far a benchmark is, on stderr: a live view on a terminal, else a line a second; nothing with -q. */
export class BenchProgress implements AsyncDisposable {
  readonly #o: BenchProgressOptions;
  #view: BenchView | null = null;
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(options: BenchProgressOptions) {
    this.#o = options;
  }

  /** Once the plan is settled. */
  async begin(plan: BenchPlan, runs: number): Promise<void> {
    const { out, onQuit } = this.#o;
    if (!out.tty || out.quiet || process.stderr.isTTY !== true) return;
    const { showBench } = await import("../../views/bench-view.ts");
    this.#view = showBench({
      title: sayTarget(plan.target),
      ...{ plan, runs, onQuit, printable },
      color: wantsColour(process.stderr),
      duration: formatDuration,
      metric: formatMetric,
    });
  }

  show(progress: RunProgress & { readonly run: number }, plan: BenchPlan): void {
    if (this.#view !== null) this.#view.show(progress);
    else this.#tell(progress, plan);
  }

  /** A step of `--find-max` has ended. */
  step({ rate, verdict, p99, reason }: FindMaxStep): void {
    const line = `${formatMetric("rate", rate)}: ${verdict}, p99 ${formatMetric("latency", p99)}${verdict === "PASS" ? "" : `: ${reason}`}`;
    if (this.#view !== null) this.#view.step(line);
    else this.#o.out.note(line);
  }

  async end(): Promise<void> {
    const view = this.#view;
    this.#view = null;
    await view?.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  #tell({ gathering, phase, elapsedMs }: RunProgress, { durationMs }: BenchPlan): void {
    // Another run has begun.
    if (elapsedMs < this.#toldMs) this.#toldMs = Number.NEGATIVE_INFINITY;
    const point = gathering.series(false).at(-1);
    if (point === undefined || phase === "warm-up" || elapsedMs - this.#toldMs < LINE_MS) return;
    this.#toldMs = elapsedMs;
    const of = durationMs === null ? "" : ` of ${formatDuration(durationMs)}`;
    const failed = point.errors + point.timeouts;
    const at = formatDuration(durationMs === null ? elapsedMs : Math.min(elapsedMs, durationMs));
    this.#o.out.note(
      `${at}${of}: ${formatMetric("rate", point.ok / point.seconds)}, p50 ${formatMetric("latency", point.p50)}, p99 ${formatMetric("latency", point.p99)}${failed > 0 ? `, ${failed} failed` : ""}`,
    );
  }
}
