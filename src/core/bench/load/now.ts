import { systemClock } from "../../util/clock.ts";

const offset = systemClock.monotonic() - performance.now();

/** CLOCK_MONOTONIC in ms: the same in all threads, and cheap enough to ask several times for each request. */
export function now(): number {
  return offset + performance.now();
}
