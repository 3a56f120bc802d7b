import { formatDuration } from "../../util/duration.ts";
import type { BenchEnvironment, BenchSetup, RunStatistics } from "../result.ts";

/** What is compared: A is the base, B is what is judged. */
export interface ComparedSide {
  /** A file, a commit, a URL: for people. */
  readonly name: string;
  readonly runs: readonly RunStatistics[];
  readonly setup: BenchSetup;
  readonly environment: BenchEnvironment;
}

type Say = (setup: BenchSetup) => string;

/** How the requests were sent: another way is another measurement. */
const MUST_BE_SAME: Readonly<Record<string, Say>> = {
  engine: ({ engine }) => engine,
  mode: ({ mode }) => mode,
  operation: ({ operation }) => operation,
  rate: ({ rate }) => (rate === null ? "none" : `${rate} per second`),
  connections: ({ connections }) => (connections === null ? "as many as it takes" : `${connections}`),
  workers: ({ workers }) => `${workers}`,
};

/** Why the two cannot be compared, in words; empty when they can. */
export function whyNotComparable(a: ComparedSide, b: ComparedSide): readonly string[] {
  const reasons = Object.entries(MUST_BE_SAME).flatMap(([field, say]) => {
    const [ofA, ofB] = [say(a.setup), say(b.setup)];
    return ofA === ofB
      ? []
      : [`A and B differ in ${field}: ${ofA} in A (${a.name}), ${ofB} in B (${b.name})`];
  });
  if (a.environment.fingerprint !== b.environment.fingerprint) {
    reasons.push(
      `A (${a.name}) was measured on another machine than B (${b.name}): ${machine(a.environment)}; ${machine(b.environment)}`,
    );
  }
  for (const [letter, { name, runs }] of [["A", a] as const, ["B", b] as const]) {
    if (runs.length === 0) reasons.push(`${letter} (${name}) has no runs`);
  }
  return reasons;
}

/** What differs, and may explain a difference, but is no reason to refuse. */
export function differencesToNote(a: ComparedSide, b: ComparedSide): readonly string[] {
  const pairs = [
    ["dcs", a.environment.dcs, b.environment.dcs],
    ["Node", a.environment.node, b.environment.node],
    ["runs of", length(a.setup.durationMs), length(b.setup.durationMs)],
    ["a warm-up of", formatDuration(a.setup.warmupMs), formatDuration(b.setup.warmupMs)],
  ] as const;
  return pairs.flatMap(([what, ofA, ofB]) =>
    ofA === ofB ? [] : [`A was measured with ${what} ${ofA}, B with ${what} ${ofB}`],
  );
}

function length(durationMs: number | null): string {
  return durationMs === null ? "a number of requests" : formatDuration(durationMs);
}

function machine({ host, cpu, cores, os, fingerprint }: BenchEnvironment): string {
  return `${host} (${cpu}, ${cores} cores, ${os}, fingerprint ${fingerprint.slice(0, 12)})`;
}
