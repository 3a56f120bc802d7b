import { type Clock, sleep, systemClock } from "../../util/clock.ts";
import type { Check, CheckEndpoint, CheckResult } from "./check.ts";

export type Health = "unknown" | "healthy" | "unhealthy";

export interface HealthTransition {
  readonly from: Health;
  readonly to: Exclude<Health, "unknown">;
  /** What the check that tipped it saw. */
  readonly detail: string;
  /** Epoch ms. */
  readonly at: number;
}

export interface HealthPolicy {
  /** Between the starts of two checks, ±10% so that many monitors do not beat in step. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Successes in a row that make healthy. */
  readonly rise: number;
  /** Failures in a row that make unhealthy. */
  readonly fall: number;
}

export const DEFAULT_HEALTH_POLICY: HealthPolicy = { intervalMs: 5000, timeoutMs: 2000, rise: 1, fall: 3 };

export interface HealthMonitorOptions {
  readonly check: Check;
  readonly endpoint: CheckEndpoint;
  readonly policy?: Partial<HealthPolicy>;
  readonly onTransition: (transition: HealthTransition) => void;
  /** Every result, for logs. */
  readonly onResult?: (result: CheckResult) => void;
  readonly clock?: Clock;
  /** [0, 1) */
  readonly random?: () => number;
}

const JITTER = 0.1;
/** Until it is healthy for the first time, an instance is asked more often, so that it serves soon after its start. */
const START_INTERVAL_MS = 100;
const START_GROWTH = 1.5;

/**
 * Runs one check again and again, and says when the health changes. Starts `unknown`; the first check is made at once;
 * checks never overlap.
 */
export class HealthMonitor implements AsyncDisposable {
  readonly #options: HealthMonitorOptions;
  readonly #policy: HealthPolicy;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  #health: Health = "unknown";
  #everHealthy = false;
  /** Results in a row that speak against the present health; of `#streakOk`. */
  #streak = 0;
  #streakOk = false;
  #running: Promise<void> | undefined;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
    this.#policy = { ...DEFAULT_HEALTH_POLICY, ...options.policy };
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  get health(): Health {
    return this.#health;
  }

  /** Begins; a second call does nothing. */
  start(): void {
    this.#running ??= this.#run(this.#stop.signal);
  }

  /** Gives up a check that runs, and resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { check, endpoint, onResult } = this.#options;
    for (let round = 0; !signal.aborted; round += 1) {
      const started = this.#clock.monotonic();
      try {
        const result = await check.run({ endpoint, timeoutMs: this.#policy.timeoutMs, signal });
        onResult?.(result);
        this.#take(result);
      } catch (error) {
        if (signal.aborted) return;
        this.#take({
          ok: false,
          detail: error instanceof Error ? error.message : String(error),
          durationMs: 0,
        });
      }
      const rest = this.#interval(round) - (this.#clock.monotonic() - started);
      await sleep(this.#clock, Math.max(0, rest), signal).catch(() => {});
    }
  }

  #interval(round: number): number {
    const { intervalMs } = this.#policy;
    const base = this.#everHealthy
      ? intervalMs
      : Math.min(intervalMs, START_INTERVAL_MS * START_GROWTH ** Math.min(round, 64));
    return base * (1 - JITTER + 2 * JITTER * this.#random());
  }

  #take(result: CheckResult): void {
    this.#streak = result.ok === this.#streakOk ? this.#streak + 1 : 1;
    this.#streakOk = result.ok;
    const to = result.ok ? "healthy" : "unhealthy";
    if (to === this.#health || this.#streak < (result.ok ? this.#policy.rise : this.#policy.fall)) return;
    const from = this.#health;
    this.#health = to;
    if (result.ok) this.#everHealthy = true;
    this.#options.onTransition({ from, to, detail: result.detail, at: this.#clock.now() });
  }
}
