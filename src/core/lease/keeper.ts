import { type BackoffPolicy, backoffDelay } from "../util/backoff.ts";
import type { Clock } from "../util/clock.ts";

export interface LeaseKeeperOptions {
  readonly ttlMs: number;
  /** CLOCK_MONOTONIC ms by which the grant ends, counted from before it was sent. */
  readonly deadline: number;
  /** Gives the lease its full TTL again; rejects when it cannot tell, or when the lease is gone. */
  readonly renew: (signal: AbortSignal) => Promise<{ readonly ttlMs: number }>;
  /** True for an error of `renew` that says for certain that the lease is gone. */
  readonly isGone: (error: unknown) => boolean;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly onRenewed?: (deadline: number) => void;
  /** A renewal failed and is tried again; the lease is still good until `deadline`. */
  readonly onDoubt?: (error: unknown, deadline: number) => void;
}

export interface LeaseLoss {
  /** `gone`: the backend says so. `expired`: no renewal was acknowledged before the deadline. */
  readonly reason: "gone" | "expired";
  readonly cause?: unknown;
}

/** `os.uptime()` has a resolution of 10 ms on Linux; a suspend shorter than this is not one. */
const BOOT_SLACK_MS = 50;

const RETRY: BackoffPolicy = { initialMs: 50, factor: 2, maxMs: 1000 };

/**
 * The one keeper of things with a TTL: registrations, held locks, waiters.
 *
 * Renews at a third of the TTL. The deadline is counted from when the acknowledged renewal was *sent*, on
 * CLOCK_MONOTONIC and on boot time (which goes on while the machine is suspended): whichever passes first ends it.
 */
export class LeaseKeeper {
  readonly lost: Promise<LeaseLoss>;
  readonly #options: LeaseKeeperOptions;
  readonly #resolveLost: (loss: LeaseLoss) => void;
  readonly #abort = new AbortController();
  #ttlMs: number;
  #deadline: number;
  #bootDeadline: number;
  #failures = 0;
  #lastError: unknown;
  #cancelRenewal: () => void = () => {};
  #cancelDeadline: () => void = () => {};

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#ttlMs = options.ttlMs;
    this.#deadline = options.deadline;
    const left = options.deadline - options.clock.monotonic();
    this.#bootDeadline = options.clock.boottime() + left + BOOT_SLACK_MS;
    const { promise, resolve } = Promise.withResolvers<LeaseLoss>();
    this.lost = promise;
    this.#resolveLost = resolve;
  }

  /** CLOCK_MONOTONIC ms until which the lease is certainly good. */
  get deadline(): number {
    return this.#deadline;
  }

  /** False once the deadline has passed on either clock, also when no timer has said so yet. */
  get isGood(): boolean {
    return !this.#abort.signal.aborted && !this.#passed();
  }

  start(): void {
    const sent = this.#deadline - this.#ttlMs;
    this.#scheduleRenewal(sent + this.#ttlMs / 3 - this.#options.clock.monotonic());
    this.#watchDeadline();
  }

  /** Stops renewing; the lease itself is left as it is. `lost` never resolves afterwards. */
  stop(): void {
    this.#cancelRenewal();
    this.#cancelDeadline();
    this.#abort.abort();
  }

  #scheduleRenewal(delayMs: number): void {
    this.#cancelRenewal = this.#options.clock.timer(Math.max(0, delayMs), () => void this.#renew());
  }

  #watchDeadline(): void {
    this.#cancelDeadline();
    const left = this.#deadline - this.#options.clock.monotonic();
    // Timers stand still in suspend, so boot time is looked at at least once a TTL third.
    const delay = Math.min(left, this.#ttlMs / 3);
    this.#cancelDeadline = this.#options.clock.timer(Math.max(0, delay), () => {
      if (this.#passed()) this.#lose("expired", this.#lastError);
      else this.#watchDeadline();
    });
  }

  #passed(): boolean {
    const { clock } = this.#options;
    return clock.monotonic() >= this.#deadline || clock.boottime() >= this.#bootDeadline;
  }

  async #renew(): Promise<void> {
    const { clock, renew, isGone, onRenewed, onDoubt } = this.#options;
    if (this.#passed()) return this.#lose("expired", this.#lastError);
    const sent = clock.monotonic();
    const sentBoot = clock.boottime();
    try {
      const { ttlMs } = await renew(this.#abort.signal);
      if (this.#abort.signal.aborted) return;
      this.#ttlMs = ttlMs;
      this.#deadline = sent + ttlMs;
      this.#bootDeadline = sentBoot + ttlMs + BOOT_SLACK_MS;
      this.#failures = 0;
      this.#lastError = undefined;
      this.#watchDeadline();
      this.#scheduleRenewal(sent + ttlMs / 3 - clock.monotonic());
      onRenewed?.(this.#deadline);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      if (isGone(error)) return this.#lose("gone", error);
      this.#lastError = error;
      onDoubt?.(error, this.#deadline);
      const delay = backoffDelay(RETRY, this.#failures++, this.#options.random);
      this.#scheduleRenewal(Math.min(delay, this.#ttlMs / 6));
    }
  }

  #lose(reason: LeaseLoss["reason"], cause: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.stop();
    this.#resolveLost({ reason, ...(cause === undefined ? {} : { cause }) });
  }
}
