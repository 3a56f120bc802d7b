import { count } from "./number-cells.ts";
import type { ReportCell, ReportColumn, ReportTable } from "./report.ts";

/** More rows than this nobody reads, and a browser takes long over them. */
const MOST = 300;

/** A table of a row for each element; of very many, one in so many, and it says so. */
export function thinTable<T>(
  columns: readonly ReportColumn[],
  elements: readonly T[],
  row: (element: T) => readonly ReportCell[],
): ReportTable {
  const step = Math.ceil(elements.length / MOST);
  const kept = step > 1 ? elements.filter((_, index) => index % step === 0) : elements;
  const note =
    step > 1
      ? `One row in ${count(step)} of ${count(elements.length)} is shown; --json and --save have all.`
      : null;
  return { columns, rows: kept.map(row), note };
}

/** The first rows; where there are more, it says how many. */
export function firstRows(
  columns: readonly ReportColumn[],
  rows: readonly (readonly ReportCell[])[],
): ReportTable {
  const left = rows.length - MOST;
  return { columns, rows: rows.slice(0, MOST), note: left > 0 ? `And ${count(left)} more.` : null };
}
