import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { systemClock } from "../../src/core/util/clock.ts";

const DAY_MS = 86_400_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("fires a timer that is longer than Node's can be when its time has come, not before", () => {
  const fired = vi.fn();
  systemClock.timer(80 * DAY_MS, fired);
  vi.advanceTimersByTime(80 * DAY_MS - 1);
  expect(fired).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(fired).toHaveBeenCalledOnce();
});

it("can cancel it at any time, and keeps one without end waiting", () => {
  const fired = vi.fn();
  const cancel = systemClock.timer(80 * DAY_MS, fired);
  systemClock.timer(Number.POSITIVE_INFINITY, fired);
  vi.advanceTimersByTime(60 * DAY_MS);
  cancel();
  vi.advanceTimersByTime(60 * DAY_MS);
  expect(fired).not.toHaveBeenCalled();
});
