import { describe, expect, it } from "vitest";
import { needsThreadFirst, threadDelay } from "../../../src/core/lock/guard-times.ts";

describe("when the guard's thread begins", () => {
  it.each([100, 1000, 2999])("before the lock is asked for, with a TTL of %d ms", (ttlMs) => {
    expect(needsThreadFirst(ttlMs)).toBe(true);
    expect(threadDelay(ttlMs, ttlMs)).toBe(0);
  });

  it.each([
    [3000, 3000, 0],
    [3600, 3600, 200],
    [30_000, 30_000, 300],
    [31_536_000_000, 31_536_000_000, 300],
    // The answer that granted it, or the start of the command, took long.
    [30_000, 21_100, 100],
    [30_000, 20_000, 0],
    [30_000, 10, 0],
  ])("with a TTL of %d ms and %d ms left, after %d ms", (ttlMs, leftMs, expected) => {
    expect(needsThreadFirst(ttlMs)).toBe(false);
    expect(threadDelay(ttlMs, leftMs)).toBeCloseTo(expected);
  });
});
