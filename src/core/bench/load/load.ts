import { setTimeout as sleep } from "node:timers/promises";

/** When a load is measured, in ms of the workers' clock. */
export interface LoadWindow {
  /** The load begins: the warm-up, if there is one. */
  readonly beginMs: number;
  /** The measurement begins. */
  readonly measureMs: number;
  /** Nothing is sent after it; null where a number of requests ends it. */
  readonly endMs: number | null;
}

/** One worker's load. */
export interface Load {
  /** How long, of the measurement, it only looked at the clock, ms: its thread is busy then, and yet free. */
  readonly spunMs?: number;
  /** Resolves when everything was sent and has ended. */
  run(window: LoadWindow): Promise<void>;
  /** Sends nothing more; `run` resolves when what is under way has ended. */
  finish(): void;
  /** Sends nothing more and gives up what is under way; `run` resolves soon. */
  stop(): void;
}

/** How often limits of time are looked at, in ms; shorter than any that can be given. */
export const SWEEP_MS = 10;

/** Resolves at `ms` of the clock, and not before; what is sent before the measurement is not counted. */
export async function reached(ms: number, now: () => number): Promise<void> {
  for (let left = ms - now(); left > 0; left = ms - now()) await sleep(Math.ceil(left));
}
