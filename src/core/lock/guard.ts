import { DcsError, isDcsError } from "../errors.ts";
import { exitStatus, type ProcessExit } from "../process/exit-status.ts";
import { findCommand } from "../process/find-command.ts";
import { Supervised } from "../process/supervisor.ts";
import { Watchdog } from "../process/watchdog.ts";
import { type Clock, systemClock } from "../util/clock.ts";
import { acquireWithin } from "./acquire-within.ts";
import type { GuardEvent, GuardOptions, GuardOutcome, OnDoubt } from "./guard-options.ts";
import { GuardState } from "./guard-state.ts";
import { GuardThread } from "./guard-thread.ts";
import { type GuardTimes, guardTimes, needsThreadFirst, threadDelay } from "./guard-times.ts";
import { type HoldEnd, HoldNotes } from "./hold-notes.ts";
import type { Hold, LockDriver } from "./lock.ts";
import { lostBeforeStart } from "./lock-errors.ts";
import { openLocks } from "./open-locks.ts";

/** A hold is noted in the history when it has lasted this long; a shorter one only once, at its end. */
const NOTED_AFTER_MS = 200;

/**
 * Runs a command while holding a lock, and never without it.
 *
 * A thread renews, from shortly after the command began; a watchdog process kills the command's group if this process dies or the deadline passes. When the
 * hold is lost or in doubt too long, the command gets SIGTERM, the grace, and SIGKILL before the TTL ends. When this
 * whole process and its watchdog are frozen nothing here can act: there only the fence protects.
 *
 * Rejects with COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE before the lock is asked for, LOCK_HELD, LOCK_LOST while
 * waiting, WATCHDOG_LOST, or the signal's reason when aborted while waiting. Aborted later, it stops the command.
 */
export async function runGuarded(options: GuardOptions): Promise<GuardOutcome> {
  findCommand(options.command, { path: options.env["PATH"] });
  const guard = new Guard(options);
  return guard.run();
}

class Guard {
  readonly #options: GuardOptions;
  readonly #clock: Clock;
  #times: GuardTimes;
  readonly #onDoubt: OnDoubt;
  readonly #state: GuardState;
  #child: Supervised | null = null;
  #survivors = false;
  #deafen: () => void = () => {};
  #cancelKeep: () => void = () => {};

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#times = guardTimes(options.request.ttlMs, options.graceMs);
    this.#onDoubt = options.onDoubt ?? "kill";
    this.#state = new GuardState({
      clock: this.#clock,
      times: this.#times,
      onDoubt: this.#onDoubt,
      tell: (event) => this.#tell(event),
    });
  }

  async run(): Promise<GuardOutcome> {
    const { locks: address, request } = this.#options;
    const { clock: _, ...threadData } = address;
    const watchdog = Watchdog.start();
    const thread = new GuardThread({
      address: { ...threadData, timeoutMs: Math.min(address.timeoutMs, request.ttlMs / 4) },
      onReport: (report) => this.#state.hear(report),
      onFailure: (error) => this.#tellDoubt(error),
    });
    const threadOpen = needsThreadFirst(request.ttlMs) ? thread.open() : null;
    // Reported below; without this, a failure to connect before that would crash on it.
    threadOpen?.catch(() => {});
    try {
      await using locks = await openLocks(address);
      await threadOpen;
      const asked = this.#clock.monotonic();
      const hold = await acquireWithin(locks, { ...request, detached: false }, this.#options.outerToken);
      if (hold.reentered) this.#fit(hold.ttlMs);
      const acquiredAt = this.#clock.now();
      this.#tell({ type: "acquired", hold, waitedMs: this.#clock.monotonic() - asked });
      try {
        const child = await this.#start(hold, watchdog);
        await this.#record(locks, hold, child);
        this.#keep(thread, hold, child);
        // A signal, or the loss of the lock, that came before the command: then it must not begin.
        request.signal?.throwIfAborted();
        // Before the command can tell anybody that it is there.
        this.#hearSignals(child);
        await child.open();
        if (!child.opened) throw await endedBeforeStart(hold.name, child);
        this.#tell({ type: "started", pid: child.pid, terminal: child.inTerminal });
        const noted = { ...hold, acquiredAt, holder: request.holder, reason: request.reason ?? null };
        const notes = new HoldNotes(locks.notes, noted, this.#clock);
        // A hold that was there has been noted by its owner.
        const cancelNote = hold.reentered
          ? () => {}
          : this.#clock.timer(NOTED_AFTER_MS, () => void notes.begin());
        const { exit, groupGone } = await this.#watch(child);
        this.#deafen();
        cancelNote();
        this.#survivors = !groupGone;
        await this.#stopThread(thread);
        const releasedAt = groupGone ? await this.#release(locks, hold) : null;
        const end = this.#howItEnded(releasedAt);
        if (groupGone && end !== null) await notes.end(end);
        const { lost, ask, heldThroughout, renewals, frozenMs } = this.#state;
        const known = { lost, ask, heldThroughout, renewals, frozenMs };
        return { hold, exit, acquiredAt, releasedAt, groupGone, ...known };
      } catch (error) {
        // The thread must not take our own release for a loss.
        this.#state.end();
        await this.#child?.stop({ graceMs: 0 });
        if (!hold.reentered) await locks.release(hold.name, hold.token).catch(() => {});
        throw error;
      }
    } finally {
      this.#deafen();
      this.#state.end();
      // Before the watchdog is let go: the thread writes to its descriptor.
      await this.#stopThread(thread);
      // With survivors it stays, and strikes again when this process ends.
      if (!this.#survivors) watchdog[Symbol.dispose]();
    }
  }

  /** A hold that was there has a TTL of its own. */
  #fit(ttlMs: number): void {
    this.#times = guardTimes(ttlMs, this.#options.graceMs);
    this.#state.fit(this.#times);
  }

  async #start(hold: Hold, watchdog: Watchdog): Promise<Supervised> {
    const { command, args, env, exports, terminal = false } = this.#options;
    const child = await Supervised.start({
      command,
      args,
      env: {
        ...env,
        ...exports?.(hold),
        DCS_LOCK_NAME: hold.name,
        DCS_LOCK_TOKEN: hold.token,
        DCS_LOCK_FENCE: hold.fence === null ? "" : String(hold.fence),
      },
      terminal,
      watchdog,
      graceMs: this.#times.graceMs,
      clock: this.#clock,
    });
    this.#child = child;
    // What goes on after the deadline ends with this process all the same.
    if (this.#onDoubt !== "ignore") child.arm(hold.deadline - this.#times.marginMs);
    return child;
  }

  /** From here on a crash is seen only when the command's group is gone too. Also the last look whether we hold it. */
  async #record(locks: LockDriver, hold: Hold, child: Supervised): Promise<void> {
    try {
      // Of a hold that is shared, its owner and the owner's group decide: we are in that.
      if (hold.reentered) return void (await locks.renew(hold.name, hold.token));
      const holder = { ...this.#options.request.holder, group: child.group };
      await locks.setHolder(hold.name, hold.token, holder);
    } catch (error) {
      if (isDcsError(error, "LOCK_NOT_OWNED") || isDcsError(error, "LEASE_NOT_FOUND"))
        throw lostBeforeStart(hold.name, error);
      throw error;
    }
  }

  #keep(thread: GuardThread, { name, token, ttlMs, deadline }: Hold, child: Supervised): void {
    const goesOn = this.#onDoubt === "ignore";
    this.#state.guard(child);
    const keep = () =>
      thread.keep({
        name,
        token,
        ttlMs,
        deadline,
        watchdogFd: goesOn ? null : child.watchdogFd,
        marginMs: this.#times.marginMs,
        goesOn,
      });
    const delay = threadDelay(ttlMs, deadline - this.#clock.monotonic());
    if (delay === 0) keep();
    else this.#cancelKeep = this.#clock.timer(delay, keep);
    this.#state.moveDeadline(deadline);
  }

  async #stopThread(thread: GuardThread): Promise<void> {
    this.#cancelKeep();
    await thread.stop();
  }

  #hearSignals(child: Supervised): void {
    const deliver = (name: NodeJS.Signals) => {
      // The gate would die of it.
      if (!child.opened) return;
      if (name === "SIGTSTP") this.#state.suspend();
      else if (name === "SIGCONT") this.#state.resume();
      else child.signal(name);
    };
    this.#deafen = this.#options.signals?.(deliver) ?? (() => {});
  }

  async #watch(child: Supervised): Promise<{ exit: ProcessExit; groupGone: boolean }> {
    const { signal } = this.#options.request;
    const onAbort = () => void child.stop({ signal: signalOf(signal?.reason) });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const result = await child.finished;
      this.#state.commandEnded();
      this.#tell({ type: "exited", exit: result.exit });
      return result;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Null when the hold was over already, or ended by itself before the backend could be told. */
  async #release(locks: LockDriver, hold: Hold): Promise<number | null> {
    const ended = Promise.withResolvers<false>();
    const cancel = this.#clock.timer(this.#state.deadline - this.#clock.monotonic(), () =>
      ended.resolve(false),
    );
    try {
      // A hold that is shared is only looked at.
      const end = hold.reentered
        ? locks.renew(hold.name, hold.token).then(() => false)
        : locks.release(hold.name, hold.token).then(() => true);
      const released = await Promise.race([end, ended.promise]);
      if (!released) return null;
      this.#tell({ type: "released" });
      return this.#clock.now();
    } catch (error) {
      // The command has ended; a hold that is gone by now was lost while it ran, unless it was known before.
      if (isDcsError(error, "LOCK_NOT_OWNED")) this.#state.foundGone();
      return null;
    } finally {
      cancel();
    }
  }

  /** Null when the backend does not answer: then its TTL ends the hold. */
  #howItEnded(releasedAt: number | null): HoldEnd | null {
    const { lost, ask } = this.#state;
    if (releasedAt === null && lost !== "gone" && lost !== "asked") return null;
    const at = releasedAt ?? this.#clock.now();
    if (lost === null) return { end: "released", at };
    return { end: ask === null ? "lost" : ask.verb === "resign" ? "resigned" : "broken", ask, at };
  }

  #tellDoubt(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#tell({ type: "doubt", message, leftMs: this.#state.deadline - this.#clock.monotonic() });
  }

  #tell(event: GuardEvent): void {
    this.#options.onEvent?.(event);
  }
}

/** Why there is no command: Ctrl-C at the terminal it was to have, or the lock was lost. */
async function endedBeforeStart(name: string, child: Supervised): Promise<DcsError> {
  const { signal } = await child.exited;
  if (child.inTerminal && signal === "SIGINT") return new DcsError("INTERRUPTED", "interrupted by SIGINT");
  return lostBeforeStart(name);
}

/** The signal that made the caller abort, to be passed on; SIGTERM for any other reason. */
function signalOf(reason: unknown): NodeJS.Signals {
  if (!(reason instanceof DcsError)) return "SIGTERM";
  if (reason.code === "INTERRUPTED") return "SIGINT";
  return reason.details["signal"] === "SIGHUP" ? "SIGHUP" : "SIGTERM";
}

/** What dcs exits with after a guarded command: the command's own status, 3 when the lock was lost under it. */
export function guardStatus(outcome: GuardOutcome): number {
  return outcome.lost === null ? exitStatus(outcome.exit) : 3;
}
