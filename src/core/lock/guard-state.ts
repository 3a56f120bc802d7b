import type { Supervised } from "../process/supervisor.ts";
import type { Clock } from "../util/clock.ts";
import type { GuardReport } from "./guard-messages.ts";
import type { GuardEvent, LossReason, OnDoubt } from "./guard-options.ts";
import type { GuardTimes } from "./guard-times.ts";
import type { LockAsk } from "./lock.ts";

export interface GuardStateOptions {
  readonly clock: Clock;
  readonly times: GuardTimes;
  readonly onDoubt: OnDoubt;
  readonly tell: (event: GuardEvent) => void;
}

/** What the guard knows of its hold, and what it does to the command because of it. */
export class GuardState {
  lost: LossReason | null = null;
  ask: LockAsk | null = null;
  /** The command, and all it started, has ended: nothing can be lost any more. */
  ended = false;
  renewals = 0;
  frozenMs = 0;
  /** CLOCK_MONOTONIC ms by which the hold may have ended. */
  deadline = Number.POSITIVE_INFINITY;
  readonly #options: GuardStateOptions;
  #times: GuardTimes;
  #child: Supervised | null = null;
  #held = true;
  #frozenAt: number | null = null;
  #suspended = false;
  #cancelTimer: () => void = () => {};

  constructor(options: GuardStateOptions) {
    this.#options = options;
    this.#times = options.times;
  }

  /** The hold has another TTL than was asked for. Before there is a command. */
  fit(times: GuardTimes): void {
    this.#times = times;
  }

  /** False once the hold may have been another's while the command ran. */
  get heldThroughout(): boolean {
    return this.#held;
  }

  /** From here on this is the command. */
  guard(child: Supervised): void {
    this.#child = child;
    void child.watchdogEnded.then((end) => {
      if (end === "deadline") this.lose("expired", "the watchdog killed the command at the deadline");
      if (end === "died") this.lose("unguarded", "the watchdog process is gone");
    });
  }

  hear(report: GuardReport): void {
    const { tell, clock } = this.#options;
    switch (report.type) {
      case "renewed":
        this.renewals++;
        this.moveDeadline(report.deadline);
        tell({ type: "renewed", deadline: report.deadline });
        break;
      case "doubt":
        tell({ type: "doubt", message: report.message, leftMs: report.deadline - clock.monotonic() });
        break;
      case "lost":
        this.lose(report.reason, report.message);
        break;
      case "asked":
        this.lose("asked", report.ask.reason, report.ask);
        break;
    }
  }

  /** Sets the timer for the last moment at which a command that needs all of its grace can be told to stop. */
  moveDeadline(deadline: number): void {
    this.deadline = deadline;
    this.#cancelTimer();
    if (this.lost !== null || this.ended) return;
    const { clock, onDoubt } = this.#options;
    const left = deadline - this.#times.marginMs - clock.monotonic();
    // An acknowledgement that was heard too late is none.
    if (left > 0) this.#thaw();
    const late = () => this.lose("expired", "it could not be renewed in time");
    const [wait, act] = {
      kill: [left - this.#times.graceMs, late] as const,
      freeze: [left - this.#times.graceMs, () => this.freeze()] as const,
      ignore: [left + this.#times.marginMs, late] as const,
    }[this.#frozenAt === null ? onDoubt : "kill"];
    this.#cancelTimer = clock.timer(wait, act);
  }

  /** We are about to stand still: so must the command, which nobody would renew for. */
  suspend(): void {
    this.#suspended = true;
    this.freeze();
  }

  /** We go on, and so does the command if its hold is good by the clock; else once it is renewed. */
  resume(): void {
    if (this.#suspended) this.moveDeadline(this.deadline);
    this.#suspended = false;
  }

  /** Stops the command where it stands until the hold is renewed, or the time is over. */
  freeze(): void {
    if (this.lost !== null || this.ended || this.#frozenAt !== null) return;
    const { clock, tell } = this.#options;
    this.#child?.freeze();
    this.#frozenAt = clock.monotonic();
    tell({ type: "frozen", leftMs: this.deadline - this.#frozenAt });
    this.#cancelTimer();
    this.#cancelTimer = clock.timer(this.deadline - this.#times.marginMs - this.#frozenAt, () =>
      this.lose("expired", "it could not be renewed in time"),
    );
  }

  /** The hold is over, or has to be: stops the command, unless that is to be ignored. The first reason counts. */
  lose(reason: LossReason, message: string | null, ask: LockAsk | null = null): void {
    if (this.ended) return;
    if (reason !== "asked") this.#held = false;
    const { onDoubt, tell } = this.#options;
    if (this.lost !== null && !(this.lost === "expired" && onDoubt === "ignore" && reason === "asked"))
      return;
    this.lost = reason;
    this.ask = ask;
    this.#cancelTimer();
    tell({ type: "lost", reason, message, ask });
    if (reason === "expired" && onDoubt === "ignore") {
      this.#thaw();
      return;
    }
    void this.#child?.stop({ graceMs: this.#times.graceMs, killBy: this.deadline - this.#times.marginMs });
  }

  /** The command has ended, and the backend says that the hold had ended before. */
  foundGone(): void {
    this.#held = false;
    this.lost ??= "gone";
  }

  /**
   * The command is seen to have ended. Where the deadline has passed by now, nobody knows which came first; this process may
   * have stood still, and hear of the end before its timers tell it of the deadline.
   */
  commandEnded(): void {
    if (this.#options.clock.monotonic() >= this.deadline) {
      this.#held = false;
      this.lost ??= "expired";
    }
    this.end();
  }

  /** Nothing can be lost any more. */
  end(): void {
    this.ended = true;
    this.#cancelTimer();
    this.#countFrozen();
  }

  #thaw(): void {
    if (this.#frozenAt === null) return;
    const frozenMs = this.#countFrozen();
    this.#child?.thaw();
    this.#options.tell({ type: "thawed", frozenMs });
  }

  #countFrozen(): number {
    const ms = this.#frozenAt === null ? 0 : this.#options.clock.monotonic() - this.#frozenAt;
    this.#frozenAt = null;
    this.frozenMs += ms;
    return ms;
  }
}
