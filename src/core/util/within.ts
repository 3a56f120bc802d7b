import type { Clock } from "./clock.ts";

/**
 * What `work` resolves to, or null when `ms` (Infinity: no limit) passed first. `work` is given a signal that aborts at
 * the end of the time, when `signal` aborts, and once it is done, so that nothing it started is left behind.
 */
export async function within<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | null> {
  const over = new AbortController();
  let late = false;
  const cancel = Number.isFinite(ms)
    ? clock.timer(ms, () => {
        late = true;
        over.abort();
      })
    : () => {};
  try {
    return await work(AbortSignal.any([signal, over.signal]));
  } catch (error) {
    if (late && !signal.aborted) return null;
    throw error;
  } finally {
    cancel();
    over.abort();
  }
}
