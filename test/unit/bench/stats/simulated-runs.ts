import type { BenchEnvironment, BenchSetup, RunStatistics } from "../../../../src/core/bench/result.ts";
import type { ComparedSide } from "../../../../src/core/bench/stats/comparable.ts";

/** One value of a run's noise: mean 0, standard deviation 1. */
export type Noise = (random: () => number) => number;

/** Box and Muller. */
export const normalNoise: Noise = (random) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** As latencies have it: most runs a little faster than the mean, some much slower. */
export const skewedNoise: Noise = (random) => {
  const shape = 0.6;
  const square = Math.exp(shape ** 2);
  return (Math.exp(shape * normalNoise(random)) - Math.sqrt(square)) / Math.sqrt(square * (square - 1));
};

export interface Simulation {
  readonly count: number;
  /** Run to run, as a share. */
  readonly variation: number;
  /** Factor of all latencies; the rate is divided by it. */
  readonly slowdown?: number;
  readonly noise?: Noise;
}

/** Runs whose metrics have a third of their variance in common, as what disturbs a machine disturbs all of them. */
export function simulateRuns(
  random: () => number,
  { count, variation, slowdown = 1, noise = normalNoise }: Simulation,
): readonly RunStatistics[] {
  return Array.from({ length: count }, () => {
    const common = noise(random);
    const factor = () => 1 + variation * (Math.sqrt(1 / 3) * common + Math.sqrt(2 / 3) * noise(random));
    return {
      p50: 12 * slowdown * factor(),
      p90: 25 * slowdown * factor(),
      p99: 41 * slowdown * factor(),
      mean: 15 * slowdown * factor(),
      rate: 1000 / slowdown / factor(),
      errorRate: 0.0004 * factor(),
    };
  });
}

export function setup(over: Partial<BenchSetup> = {}): BenchSetup {
  return {
    engine: "pacer",
    mode: "rate",
    operation: "GET",
    connections: null,
    workers: 1,
    durationMs: 10_000,
    warmupMs: 2000,
    rate: 1000,
    ...over,
  };
}

export function environment(over: Partial<BenchEnvironment> = {}): BenchEnvironment {
  return {
    dcs: "0.1.0",
    node: "24.21.0",
    os: "linux 6.8",
    cpu: "EPYC",
    cores: 2,
    memoryBytes: 4e9,
    host: "ci-1",
    fingerprint: "6f1c0a",
    gitSha: null,
    ...over,
  };
}

export function side(
  name: string,
  runs: readonly RunStatistics[],
  over: Partial<ComparedSide> = {},
): ComparedSide {
  return { name, runs, setup: setup(), environment: environment(), ...over };
}
