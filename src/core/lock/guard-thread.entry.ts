/**
 * The guard's thread: renews one hold and listens for what becomes of it, and does nothing else, so that no work of the main
 * thread can delay a renewal. It moves the watchdog's deadline itself and reports to the main thread.
 */
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { isDcsError } from "../errors.ts";
import { LeaseKeeper } from "../lease/keeper.ts";
import { deadlineLine } from "../process/watchdog.ts";
import { backoffDelay } from "../util/backoff.ts";
import { sleep, systemClock } from "../util/clock.ts";
import type { GuardCommand, GuardReport, GuardThreadData } from "./guard-messages.ts";
import type { LockDriver } from "./lock.ts";
import { openLocks } from "./open-locks.ts";

type Keep = Extract<GuardCommand, { type: "keep" }>;

const RETRY = { initialMs: 200, factor: 2, maxMs: 2000 };

const port = parentPort;
const stop = new AbortController();
let keeper: LeaseKeeper | null = null;
// Opened at once: the main thread may be waiting for it before it asks for the lock.
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

function keep(command: Keep): void {
  startKeeper(command, command.deadline, command.ttlMs);
  void watchKey(command);
  void listen(command);
}

function startKeeper(command: Keep, deadline: number, ttlMs: number): void {
  const { name, token, watchdogFd, marginMs } = command;
  const keeping = new LeaseKeeper({
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
  keeper = keeping;
  keeping.start();
  void keeping.lost.then(({ reason, cause }) => {
    report({ type: "lost", reason, message: cause === undefined ? null : messageOf(cause) });
    if (reason === "expired" && command.goesOn) void regain(command);
  });
}

/** The command goes on, and nobody knows whether the hold is over: as long as it may not be, others are kept out. */
async function regain(command: Keep): Promise<void> {
  for (let failures = 0; !stop.signal.aborted; failures++) {
    try {
      const { deadline, ttlMs } = await (await locks()).renew(command.name, command.token, stop.signal);
      if (!stop.signal.aborted) startKeeper(command, deadline, ttlMs);
      return;
    } catch (error) {
      if (isDcsError(error, "LOCK_NOT_OWNED")) return;
    }
    await pause(failures);
  }
}

/** A lock that is broken, revoked or evicted is seen at once, not at the next renewal. */
async function watchKey({ name, token }: Keep): Promise<void> {
  try {
    await (await locks()).gone(name, token, stop.signal);
    if (!stop.signal.aborted) report({ type: "lost", reason: "gone", message: "its key was deleted" });
  } catch {
    // Without the watch, the next renewal finds out.
  }
}

/** Hears when somebody asks for the lock. */
async function listen({ name, token }: Keep): Promise<void> {
  for (let failures = 0; !stop.signal.aborted; failures++) {
    try {
      const ask = await (await locks()).notes.asked(name, token, stop.signal);
      if (ask !== null && !stop.signal.aborted) report({ type: "asked", ask });
      return;
    } catch {
      // The backend is away; whoever asked is still there when it is back.
    }
    await pause(failures);
  }
}

function pause(failures: number): Promise<void> {
  return sleep(systemClock, backoffDelay(RETRY, failures), stop.signal).catch(() => {});
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
