import { spawnSync } from "node:child_process";
import { expect } from "vitest";

/** What `node -e 0` takes where the limits of these tests were set. */
const USUAL_START_MS = 25;
const LOOKS = 5;

/**
 * Expects that something took less than `limitMs`. Where it took longer, and this machine starts a process so many times slower
 * than usual at the moment, because it is a slow or a busy one, that many times the limit is allowed.
 */
export function expectWithin(tookMs: number, limitMs: number, what = "it"): void {
  if (tookMs < limitMs) return;
  const slowness = Math.max(1, startMs() / USUAL_START_MS);
  expect(tookMs, `${what}, of ${limitMs} ms, on a machine ${slowness.toFixed(1)} times as slow`).toBeLessThan(
    limitMs * slowness,
  );
}

function startMs(): number {
  const times = Array.from({ length: LOOKS }, () => {
    const begin = performance.now();
    spawnSync(process.execPath, ["-e", "0"], { env: {} });
    return performance.now() - begin;
  });
  return times.toSorted((a, b) => a - b)[Math.floor(LOOKS / 2)] ?? 0;
}
