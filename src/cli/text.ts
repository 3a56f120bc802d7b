/** Text on a terminal: widths, columns, and making foreign text harmless. */

import { printable } from "../core/util/printable.ts";

export { printable };

/** A table before it is laid out. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What to print where there are no rows. */
  readonly empty?: string;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences of our own colours
const SGR = /\u001b\[[0-9;]*m/g;
const COMBINING = /[\p{Mn}\p{Me}\p{Cf}]/u;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ASCII = /^[\u0020-\u007e]*$/;

/** Columns the text takes on a terminal; colours count nothing, wide characters two. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const char of text.replace(SGR, "")) {
    if (COMBINING.test(char)) continue;
    width += WIDE.test(char) ? 2 : 1;
  }
  return width;
}

/** Lines of a table, columns aligned and two spaces apart; the last column is not padded. */
export function layoutTable(table: Table, heading: (text: string) => string = (text) => text): string[] {
  if (table.rows.length === 0 && table.empty !== undefined) return [table.empty];
  const rows = [table.head, ...table.rows].map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, displayWidth(cell));
    });
  }
  return rows.map((row, index) => {
    const line = row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - displayWidth(cell)),
      )
      .join("  ")
      .trimEnd();
    return index === 0 ? heading(line) : line;
  });
}
