import { DcsError } from "../../errors.ts";
import type { BenchPlan } from "../bench-plan.ts";

/** What the process needs beside connections. */
const OTHER_FILES = 64;
/** Fewer are nowhere a question. */
const UNASKED = 200;

/** How many files this process may open; null when that is not known, or not limited. Node has raised it as far as it may. */
export function openFileLimit(): number | null {
  // Without it the report looks up the names of all addresses.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const report = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } };
  };
  const soft = Number(report.userLimits?.open_files?.soft);
  return Number.isFinite(soft) && soft > 0 ? soft : null;
}

/**
 * The plan with no more connections than this process may open. USAGE when more were asked for; a limit that nobody gave is
 * lowered instead.
 */
export function fitOpenFiles(plan: BenchPlan, limit: () => number | null = openFileLimit): BenchPlan {
  const most = plan.connections ?? plan.maxInFlight;
  if (most <= UNASKED) return plan;
  const files = limit();
  if (files === null || most + OTHER_FILES <= files) return plan;
  if (plan.connections !== null) {
    throw new DcsError(
      "USAGE",
      `--connections ${most}: this process may open ${files} files, and needs ${most + OTHER_FILES}`,
      {
        hint: `raise the limit in this shell, \`ulimit -n ${most + OTHER_FILES}\`, or give --connections ${files - OTHER_FILES} at most`,
        details: { flag: "--connections", value: most, allowed: files - OTHER_FILES },
      },
    );
  }
  return { ...plan, maxInFlight: Math.max(1, files - OTHER_FILES) };
}
