import { NO_INSTANCE } from "../drive/driver.ts";
import type { Histograms, LatencyHistogram } from "../latency-histogram.ts";
import type { SliceInstance, SliceReport } from "./slice.ts";

/** What is known of a request that ended. Times are those of one clock, in ms. */
export interface Ended {
  /** When it was due; in max mode when it was sent. */
  readonly dueMs: number;
  /** When it was handed to its driver. */
  readonly launchedMs: number;
  /** When its first byte was written; null when none was. */
  readonly beganMs: number | null;
  readonly instance: number;
}

type Outcome = "ok" | "errors" | "timeouts" | "unfinished";

/** Kinds of errors that are told apart; a server can make up any number. */
const MAX_KINDS = 50;
const OTHER = "other";

interface InstanceTally {
  readonly counts: { sent: number; ok: number; errors: number; timeouts: number; unfinished: number };
  readonly latency: LatencyHistogram;
}

export interface RecorderOptions {
  /** The target is a service, and each instance is counted by itself. */
  readonly hasInstances: boolean;
  readonly hasService: boolean;
}

/** Counts and times of one worker since the last `take`. It does not know of warm-up: who calls it leaves that out. */
export class Recorder {
  readonly #histograms: Histograms;
  readonly #latency: LatencyHistogram;
  readonly #service: LatencyHistogram;
  readonly #lag: LatencyHistogram;
  readonly #errorLatency: LatencyHistogram;
  readonly #counts = { sent: 0, ok: 0, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 };
  readonly #errors = new Map<string, { count: number; example: string }>();
  readonly #instances: InstanceTally[] | null;
  readonly #hasService: boolean;
  #bytes = 0;
  #carried = 0;
  /** When the measurement begins. */
  measureMs = 0;

  /** `hasService`: some requests wait before they are sent. Without it the service time is the latency. */
  constructor(histograms: Histograms, { hasInstances, hasService }: RecorderOptions) {
    this.#hasService = hasService;
    this.#histograms = histograms;
    this.#latency = histograms.create();
    this.#service = histograms.create();
    this.#lag = histograms.create();
    this.#errorLatency = histograms.create();
    this.#instances = hasInstances ? [] : null;
  }

  /** It was handed to its driver so late. */
  sent(lagMs: number): void {
    this.#counts.sent += 1;
    this.#lag.record(lagMs);
  }

  /** It was handed over where no schedule says when. */
  sentAtOnce(): void {
    this.#counts.sent += 1;
  }

  dropped(): void {
    this.#counts.dropped += 1;
  }

  ok(request: Ended, nowMs: number, bytes: number): void {
    this.#bytes += bytes;
    this.#latency.record(nowMs - request.dueMs);
    if (this.#hasService) this.#service.record(nowMs - (request.beganMs ?? request.launchedMs));
    this.#end(request, nowMs, "ok");
  }

  /** One of the warm-up was answered well: if that was within the measurement, it is part of its rate. */
  carriedOver(nowMs: number): void {
    if (nowMs >= this.measureMs) this.#carried += 1;
  }

  failed(request: Ended, nowMs: number, kind: string, example: string): void {
    this.#note(kind, example);
    this.#errorLatency.record(nowMs - request.dueMs);
    this.#end(request, nowMs, "errors");
  }

  /** It had no answer until now: it counts with the time that it has had. */
  timedOut(request: Ended, nowMs: number): void {
    this.#note("timeout", `no answer after ${Math.round(nowMs - request.launchedMs)} ms`);
    this.#pending(request, nowMs, "timeouts");
  }

  /** As `timedOut`, when the run was stopped. */
  unfinished(request: Ended, nowMs: number): void {
    this.#pending(request, nowMs, "unfinished");
  }

  /** Everything since the last time, and begins anew. */
  take(index: number): SliceReport {
    const report: SliceReport = {
      index,
      counts: { ...this.#counts },
      bytes: this.#bytes,
      carried: this.#carried,
      latency: this.#latency.encode(),
      service: this.#service.encode(),
      lag: this.#lag.encode(),
      errorLatency: this.#errorLatency.encode(),
      errors: [...this.#errors].map(([kind, { count, example }]) => ({ kind, count, example })),
      instances: this.#instances === null ? [] : takeInstances(this.#instances),
    };
    Object.assign(this.#counts, { sent: 0, ok: 0, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 });
    this.#bytes = 0;
    this.#carried = 0;
    for (const each of [this.#latency, this.#service, this.#lag, this.#errorLatency]) each.reset();
    this.#errors.clear();
    return report;
  }

  #pending(request: Ended, nowMs: number, outcome: Outcome): void {
    this.#latency.record(nowMs - request.dueMs);
    // What was never written was not served either.
    if (this.#hasService && request.beganMs !== null) this.#service.record(nowMs - request.beganMs);
    this.#end(request, nowMs, outcome);
  }

  #end({ dueMs, instance }: Ended, nowMs: number, outcome: Outcome): void {
    this.#counts[outcome] += 1;
    if (this.#instances === null || instance === NO_INSTANCE) return;
    const tally = this.#tally(this.#instances, instance);
    tally.counts.sent += 1;
    tally.counts[outcome] += 1;
    if (outcome !== "errors") tally.latency.record(nowMs - dueMs);
  }

  #tally(instances: InstanceTally[], index: number): InstanceTally {
    const known = instances[index];
    if (known !== undefined) return known;
    const counts = { sent: 0, ok: 0, errors: 0, timeouts: 0, unfinished: 0 };
    const made = { counts, latency: this.#histograms.create() };
    instances[index] = made;
    return made;
  }

  #note(kind: string, example: string): void {
    const seen = this.#errors.get(kind);
    if (seen !== undefined) seen.count += 1;
    else if (this.#errors.size < MAX_KINDS) this.#errors.set(kind, { count: 1, example });
    else this.#note(OTHER, example);
  }
}

function takeInstances(instances: readonly InstanceTally[]): readonly SliceInstance[] {
  const taken: SliceInstance[] = [];
  // An array with holes: what was never used has no tally.
  instances.forEach(({ counts, latency }, index) => {
    if (counts.sent === 0) return;
    taken.push({ index, counts: { ...counts }, latency: latency.encode() });
    Object.assign(counts, { sent: 0, ok: 0, errors: 0, timeouts: 0, unfinished: 0 });
    latency.reset();
  });
  return taken;
}
