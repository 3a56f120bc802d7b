import { accessSync, constants, existsSync } from "node:fs";
import { appendFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { BenchResult } from "../../core/bench/result.ts";
import { DcsError } from "../../core/errors.ts";
import type { Output } from "../output.ts";

export interface ReportFlags {
  readonly report?: string | undefined;
  readonly junit?: string | undefined;
  readonly save?: string | undefined;
}

const FILES = ["report", "junit", "save"] as const;

/** A file that cannot be written is told before an hour is spent on what should stand in it. FILE_INVALID names the flag. */
export function refuseUnwritable(flags: ReportFlags): void {
  for (const name of FILES) {
    const path = flags[name];
    if (path === undefined) continue;
    try {
      accessSync(existsSync(path) ? path : dirname(path), constants.W_OK);
    } catch (cause) {
      throw unwritable(name, path, cause);
    }
  }
}

/** Writes `--report` and `--junit`, and the summary of a GitHub job where there is one. FILE_INVALID names the flag. */
export async function writeReports(
  result: BenchResult,
  flags: ReportFlags,
  out: Output,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<void> {
  if (flags.report !== undefined) {
    const { renderBenchReport } = await import("../../views/bench-report.ts");
    const { reportAssets } = await import("../../views/report-assets.ts");
    await write("report", flags.report, renderBenchReport(result, await reportAssets()));
    out.note(`report: ${flags.report}`);
  }
  if (flags.junit !== undefined) {
    const { benchJunit } = await import("../../core/bench/report/junit.ts");
    await write("junit", flags.junit, benchJunit(result));
  }
  const summary = env["GITHUB_STEP_SUMMARY"];
  if (summary === undefined || summary === "") return;
  const { benchSummary } = await import("../../core/bench/report/github-summary.ts");
  try {
    await appendFile(summary, `${benchSummary(result)}\n`);
  } catch (error) {
    out.warn(
      "SUMMARY",
      `GITHUB_STEP_SUMMARY cannot be written: ${error instanceof Error ? error.message : error}`,
    );
  }
}

async function write(flag: string, path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (cause) {
    throw unwritable(flag, path, cause);
  }
}

function unwritable(flag: string, path: string, cause: unknown): DcsError {
  return new DcsError(
    "FILE_INVALID",
    `--${flag} ${path}: ${cause instanceof Error ? cause.message : cause}`,
    {
      cause,
      hint: "name a file in a directory that can be written",
      details: { flag: `--${flag}`, value: path },
    },
  );
}
