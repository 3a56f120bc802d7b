import type { LockAsk } from "./lock.ts";
import type { LocksAddress } from "./open-locks.ts";

/** What the guard's thread is started with: the locks to open. */
export type GuardThreadData = Omit<LocksAddress, "clock">;

/** To the thread. */
export type GuardCommand =
  | {
      readonly type: "keep";
      readonly name: string;
      readonly token: string;
      readonly ttlMs: number;
      /** CLOCK_MONOTONIC ms. */
      readonly deadline: number;
      /** The watchdog's control descriptor, to move its deadline without the main thread. */
      readonly watchdogFd: number | null;
      readonly marginMs: number;
      /** The command goes on after the deadline, so a renewal is tried then too. */
      readonly goesOn: boolean;
    }
  | { readonly type: "stop" };

/** From the thread. */
export type GuardReport =
  | { readonly type: "ready" }
  | { readonly type: "renewed"; readonly deadline: number }
  | { readonly type: "doubt"; readonly message: string; readonly deadline: number }
  | { readonly type: "lost"; readonly reason: "gone" | "expired"; readonly message: string | null }
  | { readonly type: "asked"; readonly ask: LockAsk }
  | { readonly type: "stopped" };
