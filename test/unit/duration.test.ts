import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffDelay } from "../../src/core/util/backoff.ts";
import { formatDuration, parseDuration } from "../../src/core/util/duration.ts";
import { newLeaseId, RandomPool } from "../../src/core/util/ids.ts";

describe("durations", () => {
  it.each([
    ["0", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["1.5m", 90_000],
    ["1h30m", 5_400_000],
    ["2d", 172_800_000],
    [" 5s ", 5000],
  ])("%j is %d ms", (text, ms) => {
    expect(parseDuration(text, "--x")).toBe(ms);
  });

  it.each(["", "5", "-1s", "5 s", "s", "1e3s", "5S", "1s garbage", "٣s"])(
    "%j is refused, naming the flag",
    (text) => {
      expect(() => parseDuration(text, "--ttl")).toThrow(
        expect.objectContaining({ code: "USAGE", message: expect.stringContaining("--ttl") }),
      );
    },
  );

  it.each([
    [0, "0ms"],
    [850, "850ms"],
    [4200, "4.2s"],
    [5000, "5s"],
    [59_960, "1m"],
    [59_999, "1m"],
    [90_000, "1m30s"],
    [7_500_000, "2h5m"],
    [90_000_000, "1d1h"],
    [Number.POSITIVE_INFINITY, "forever"],
    [-1500, "-1.5s"],
  ])("%d ms is shown as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it("what is shown can be read again, and is close", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e11 }), (ms) => {
        const again = parseDuration(formatDuration(ms), "x");
        expect(Math.abs(again - ms) / ms).toBeLessThan(0.05);
      }),
    );
  });
});

describe("back-off", () => {
  it("is full jitter under a ceiling that doubles and stops", () => {
    const policy = { initialMs: 50, factor: 2, maxMs: 300 };
    expect([0, 1, 2, 3, 9].map((attempt) => backoffDelay(policy, attempt, () => 0))).toEqual([
      50, 100, 200, 300, 300,
    ]);
    fc.assert(
      fc.property(fc.nat(40), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const delay = backoffDelay(policy, attempt, () => random);
        expect(delay).toBeGreaterThan(0);
        expect(delay).toBeLessThanOrEqual(300);
      }),
    );
  });
});

describe("lease ids", () => {
  it("never come twice", () => {
    const ids = Array.from({ length: 5000 }, () => newLeaseId());
    expect(new Set(ids).size).toBe(5000);
  });

  it("are 16 hex digits, positive as an int64, and the same padded or not", () => {
    for (const fill of [0x00, 0x7f, 0x80, 0xff]) {
      const id = newLeaseId(new RandomPool((buffer) => buffer.fill(fill)));
      expect(id).toMatch(/^[1-7][0-9a-f]{15}$/);
    }
  });
});
