/**
 * The guard's thread: renews one hold, and does nothing else, so that no work of the main thread can delay a renewal.
 * It moves the watchdog's deadline itself and reports to the main thread.
 */
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { isDcsError } from "../errors.ts";
import { LeaseKeeper } from "../lease/keeper.ts";
import { deadlineLine } from "../process/watchdog.ts";
import { systemClock } from "../util/clock.ts";
import type { GuardCommand, GuardReport, GuardThreadData } from "./guard-messages.ts";
import type { LockDriver } from "./lock.ts";
import { openLocks } from "./open-locks.ts";

const port = parentPort;
const stop = new AbortController();
let keeper: LeaseKeeper | null = null;
// Opened at once: the main thread is still waiting for the lock.
let opened: Promise<LockDriver> | null = null;
// When it cannot be opened now, each renewal tries again; the main thread has its own connection, and its own error.
locks().then(
  () => report({ type: "ready" }),
  () => report({ type: "ready" }),
);

function locks(): Promise<LockDriver> {
  if (opened !== null) return opened;
  const opening = openLocks(workerData as GuardThreadData);
  opened = opening;
  opening.catch(() => {
    if (opened === opening) opened = null;
  });
  return opening;
}

function report(message: GuardReport): void {
  port?.postMessage(message);
}

function keep(command: Extract<GuardCommand, { type: "keep" }>): void {
  const { name, token, ttlMs, deadline, watchdogFd, marginMs } = command;
  keeper = new LeaseKeeper({
    ttlMs,
    deadline,
    renew: async (signal) => (await locks()).renew(name, token, signal),
    isGone: (error) => isDcsError(error, "LOCK_NOT_OWNED"),
    clock: systemClock,
    onRenewed: (next) => {
      if (watchdogFd !== null) tellWatchdog(watchdogFd, next - marginMs);
      report({ type: "renewed", deadline: next });
    },
    onDoubt: (error, until) => report({ type: "doubt", message: messageOf(error), deadline: until }),
  });
  keeper.start();
  void keeper.lost.then(({ reason, cause }) => {
    report({ type: "lost", reason, message: cause === undefined ? null : messageOf(cause) });
  });
  void watchKey(name, token);
}

/** A lock that is broken, revoked or evicted is seen at once, not at the next renewal. */
async function watchKey(name: string, token: string): Promise<void> {
  try {
    await (await locks()).gone(name, token, stop.signal);
    if (!stop.signal.aborted) report({ type: "lost", reason: "gone", message: "its key was deleted" });
  } catch {
    // Without the watch, the next renewal finds out.
  }
}

function tellWatchdog(fd: number, deadline: number): void {
  try {
    writeSync(fd, deadlineLine(deadline));
  } catch {
    // A watchdog that is gone is noticed by the main thread; one that stands still will kill at the old deadline.
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function end(): Promise<void> {
  keeper?.stop();
  stop.abort();
  try {
    await (await opened)?.close();
  } catch {
    // Nothing was open.
  }
  report({ type: "stopped" });
  port?.close();
}

port?.on("message", (command: GuardCommand) => {
  if (command.type === "keep") keep(command);
  else void end();
});
