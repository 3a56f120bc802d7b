import { readFile } from "node:fs/promises";
import { z } from "zod";
import { DcsError } from "../../errors.ts";
import { writeWhole } from "../../util/write-whole.ts";
import type { BenchEnvironment, BenchResult, BenchSetup, RunStatistics } from "../result.ts";

/** The runs of one benchmark as a file keeps them: what a later one is compared with. */
export interface SavedRuns {
  readonly target: string;
  readonly startedAt: string;
  readonly setup: BenchSetup;
  readonly environment: BenchEnvironment;
  readonly runs: readonly RunStatistics[];
}

const statisticsSchema = z.object({
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  mean: z.number(),
  rate: z.number(),
  errorRate: z.number(),
});

const documentSchema = z.object({
  schema: z.literal("dcs.bench.runs/1"),
  data: z.object({
    target: z.string(),
    startedAt: z.string(),
    setup: z.object({
      engine: z.enum(["autocannon", "loop", "pacer"]),
      mode: z.enum(["max", "rate"]),
      operation: z.string(),
      connections: z.number().nullable(),
      workers: z.number(),
      durationMs: z.number().nullable(),
      warmupMs: z.number(),
      rate: z.number().nullable(),
    }),
    environment: z.object({
      dcs: z.string(),
      node: z.string(),
      os: z.string(),
      cpu: z.string(),
      cores: z.number(),
      memoryBytes: z.number(),
      host: z.string(),
      fingerprint: z.string(),
      gitSha: z.string().nullable(),
    }),
    runs: z.array(statisticsSchema).min(1),
  }),
});

const ISSUES_SHOWN = 3;

/** What of a result is kept. */
export function runsOf({ target, startedAt, setup, environment, runs }: BenchResult): SavedRuns {
  return { target, startedAt, setup, environment, runs };
}

/** FILE_INVALID when it cannot be written. */
export async function saveRuns(path: string, saved: SavedRuns): Promise<void> {
  try {
    await writeWhole(path, `${JSON.stringify({ schema: "dcs.bench.runs/1", data: saved }, null, 2)}\n`);
  } catch (cause) {
    throw invalid("--save", path, messageOf(cause), cause);
  }
}

/** Reads what `saveRuns` wrote. FILE_INVALID, naming `flag`, when it is something else. */
export async function readRuns(path: string, flag: string): Promise<SavedRuns> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw invalid(flag, path, messageOf(cause), cause);
  }
  const read = documentSchema.safeParse(value);
  if (read.success) return read.data.data;
  const issues = read.error.issues
    .slice(0, ISSUES_SHOWN)
    .map(({ path: place, message }) => `${place.join(".")}: ${message}`);
  throw invalid(flag, path, `it holds no saved runs: ${issues.join("; ")}`);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function invalid(flag: string, path: string, problem: string, cause?: unknown): DcsError {
  return new DcsError("FILE_INVALID", `${flag} ${path}: ${problem}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: "write one with `dcs bench … --runs 10 --save FILE`",
    details: { flag, value: path },
  });
}
