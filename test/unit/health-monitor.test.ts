import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Check } from "../../src/core/registry/checks/check.ts";
import { HealthMonitor, type HealthTransition } from "../../src/core/registry/checks/health-monitor.ts";
import type { Clock } from "../../src/core/util/clock.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  boottime: () => performance.now(),
  timer(ms, fn) {
    const handle = setTimeout(fn, ms);
    return () => clearTimeout(handle);
  },
};

/** A monitor over results given by letters: `+` ok, `-` not, `!` a check that throws; the last one goes on. */
function monitor(
  script: string,
  options: { rise?: number; fall?: number; random?: () => number; slowMs?: number } = {},
) {
  const { rise = 1, fall = 1, random = () => 0.5, slowMs = 0 } = options;
  const starts: number[] = [];
  const transitions: (HealthTransition & { readonly round: number })[] = [];
  const check: Check = {
    kind: "tcp",
    spec: "tcp",
    async run() {
      const letter = script[Math.min(starts.length, script.length - 1)];
      starts.push(performance.now());
      if (slowMs > 0) await new Promise((resolve) => setTimeout(resolve, slowMs));
      if (letter === "!") throw new Error("broken check");
      return { ok: letter === "+", detail: `saw ${letter}`, durationMs: 1 };
    },
  };
  const made = new HealthMonitor({
    check,
    endpoint: { host: "h", port: 1 },
    policy: { intervalMs: 1000, timeoutMs: 100, rise, fall },
    onTransition: (transition) => transitions.push({ ...transition, round: starts.length }),
    clock,
    random,
  });
  return {
    made,
    starts,
    transitions,
    said: () => transitions.map((one) => `${one.round}:${one.from}>${one.to}`),
  };
}

/** Stops it; these checks end by the clock only. */
async function stopped(made: HealthMonitor): Promise<void> {
  const stopping = made.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  await stopping;
}

describe("HealthMonitor", () => {
  test("starts unknown, checks at once, and says the first health", async () => {
    const { made, said, transitions } = monitor("+");
    expect(made.health).toBe("unknown");
    made.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(made.health).toBe("healthy");
    expect(said()).toEqual(["1:unknown>healthy"]);
    expect(transitions[0]).toMatchObject({ detail: "saw +", at: Date.now() });
    await stopped(made);
  });

  test("needs `fall` failures and `rise` successes in a row", async () => {
    const { made, said } = monitor("++--+---++-++++", { rise: 2, fall: 3 });
    made.start();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(said()).toEqual(["2:unknown>healthy", "8:healthy>unhealthy", "10:unhealthy>healthy"]);
    await stopped(made);
  });

  test("says unhealthy from unknown too, and counts a check that throws as a failure", async () => {
    const { made, transitions, said } = monitor("!!!", { fall: 2 });
    made.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(said()).toEqual(["2:unknown>unhealthy"]);
    expect(transitions[0]?.detail).toBe("broken check");
    await stopped(made);
  });

  test("keeps the interval from start to start, with 10% jitter either way", async () => {
    for (const [random, gap] of [
      [0, 900],
      [0.5, 1000],
      [1 - 2 ** -20, 1100],
    ] as const) {
      const { made, starts } = monitor("+", { random: () => random, slowMs: 300 });
      made.start();
      await vi.advanceTimersByTimeAsync(20_000);
      const gaps = starts.slice(2).map((at, index) => at - (starts[index + 1] ?? 0));
      for (const one of gaps) expect(Math.abs(one - gap)).toBeLessThan(2);
      await stopped(made);
    }
  });

  test("never overlaps checks that take longer than the interval", async () => {
    const { made, starts } = monitor("+", { slowMs: 2500 });
    made.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(starts.length).toBeLessThanOrEqual(4);
    await stopped(made);
  });

  test("asks more often until the first success", async () => {
    const { made, starts, said } = monitor("----+", { fall: 100 });
    made.start();
    await vi.advanceTimersByTimeAsync(900);
    expect(said()).toEqual(["5:unknown>healthy"]);
    expect(starts[4]).toBeLessThan((starts[0] ?? 0) + 850);
    await stopped(made);
  });

  test("stops: no check and no word after it", async () => {
    const { made, starts, said } = monitor("-+", { fall: 1, slowMs: 50 });
    made.start();
    made.start();
    await vi.advanceTimersByTimeAsync(60);
    await stopped(made);
    expect(starts).toHaveLength(1);
    expect(said()).toEqual(["1:unknown>unhealthy"]);
  });
});
