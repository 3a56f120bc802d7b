import type { DoctorReport } from "../../core/doctor/run-doctor.ts";
import { layoutTable } from "../text.ts";

/** The report for people: a table of checks for each backend, what to type below what is not well, the grade at the end. */
export function doctorLines({ backends, checks, locks, counts }: DoctorReport): readonly string[] {
  const lines: string[] = [];
  for (const { backend, url, usedFor } of backends) {
    const own = checks.filter((check) => check.url === url && check.backend === backend);
    const table = {
      head: ["CHECK", "STATUS", "DETAIL"],
      rows: own.map(({ check, status, detail }) => [check, status, detail]),
    };
    lines.push(`${url}  (${usedFor.join(", ")})`);
    const [head = "", ...rows] = layoutTable(table);
    lines.push(`  ${head}`);
    own.forEach(({ fix }, index) => {
      lines.push(`  ${rows[index] ?? ""}`);
      if (fix !== null) lines.push(`      type: ${fix}`);
    });
    lines.push("");
  }
  lines.push(`locks (${locks.url}): ${locks.grade}`);
  for (const reason of locks.reasons) lines.push(`  because ${reason}`);
  lines.push(`${counts.ok} ok, ${counts.warn} warnings, ${counts.fail} failed, ${counts.unknown} unknown`);
  return lines;
}
