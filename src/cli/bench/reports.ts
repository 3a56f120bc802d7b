import { accessSync, constants, existsSync, statSync } from "node:fs";
import { appendFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Report } from "../../core/bench/report/report.ts";
import type { BenchResult, ComparisonResult } from "../../core/bench/result.ts";
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
      if (path === "") throw new Error("it is empty");
      if (path.endsWith("/") || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
        throw new Error("it is a directory");
      const isThere = existsSync(path);
      if (!isThere && statSync(dirname(path)).isDirectory() === false)
        throw new Error(`${dirname(path)} is no directory`);
      accessSync(isThere ? path : dirname(path), constants.W_OK);
    } catch (cause) {
      throw unwritable(name, path, cause);
    }
  }
}

/** The three forms of one result. */
interface Forms {
  readonly html: () => Promise<string>;
  readonly junit: () => Promise<string>;
  readonly summary: () => Promise<string>;
}

/** Writes `--report` and `--junit`, and the summary of a GitHub job where there is one. FILE_INVALID names the flag. */
export async function writeReports(result: BenchResult, flags: ReportFlags, out: Output): Promise<void> {
  await writeForms(flags, out, {
    html: async () => {
      const { describeBench } = await import("../../core/bench/report/describe-bench.ts");
      return renderHtml(describeBench(result));
    },
    junit: async () => (await import("../../core/bench/report/junit.ts")).benchJunit(result),
    summary: async () => (await import("../../core/bench/report/github-summary.ts")).benchSummary(result),
  });
}

/** As `writeReports`, of a comparison. */
export async function writeComparison(
  result: ComparisonResult,
  flags: ReportFlags,
  out: Output,
): Promise<void> {
  await writeForms(flags, out, {
    html: async () => {
      const { describeComparison } = await import("../../core/bench/report/describe-comparison.ts");
      return renderHtml(describeComparison(result));
    },
    junit: async () => (await import("../../core/bench/report/compare-junit.ts")).comparisonJunit(result),
    summary: async () =>
      (await import("../../core/bench/report/compare-summary.ts")).comparisonSummary(result),
  });
}

async function renderHtml(report: Report): Promise<string> {
  const [{ renderReport }, { readReportAssets }] = await Promise.all([
    import("../../views/report/render-report.ts"),
    import("../../views/report/report-assets.ts"),
  ]);
  return renderReport(report, await readReportAssets());
}

async function writeForms({ report, junit }: ReportFlags, out: Output, forms: Forms): Promise<void> {
  if (report !== undefined) {
    await write("report", report, await forms.html());
    out.note(`report: ${report}`);
  }
  if (junit !== undefined) await write("junit", junit, await forms.junit());
  const summary = process.env["GITHUB_STEP_SUMMARY"];
  if (summary === undefined || summary === "") return;
  try {
    await appendFile(summary, `${await forms.summary()}\n`);
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
