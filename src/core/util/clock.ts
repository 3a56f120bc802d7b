import { uptime } from "node:os";

/**
 * Time, injected so that tests can own it.
 *
 * `monotonic` is CLOCK_MONOTONIC: the same for all processes of one boot, never set back, but it stands still while
 * the machine is suspended. `boottime` goes on in suspend; deadlines check both.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds of CLOCK_MONOTONIC, with fraction. */
  monotonic(): number;
  /** Milliseconds since boot including suspend (10 ms resolution on Linux). */
  boottime(): number;
  /** Runs `fn` once after `ms`; the returned function cancels. The timer keeps the process alive. */
  timer(ms: number, fn: () => void): () => void;
}

/** The longest delay a Node timer can hold (25 days); a longer one would fire at once, so it is counted in pieces. */
const MAX_TIMER_MS = 2_147_483_647;

/** What was read last, and when: Node opens a file for it each time, and knows it to 10 ms only. */
let bootRead = { at: Number.NEGATIVE_INFINITY, ms: 0 };

function boottime(): number {
  const at = performance.now();
  if (at - bootRead.at >= 1) bootRead = { at, ms: uptime() * 1000 };
  return bootRead.ms;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  boottime,
  timer(ms, fn) {
    let handle: NodeJS.Timeout;
    const start = (left: number) => {
      handle =
        left > MAX_TIMER_MS
          ? setTimeout(() => start(left - MAX_TIMER_MS), MAX_TIMER_MS)
          : setTimeout(fn, Math.max(0, left));
    };
    start(ms);
    return () => clearTimeout(handle);
  },
};

/** Resolves after `ms`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.timer(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
