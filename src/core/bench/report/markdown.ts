import type { Figure, Report, ReportCell, ReportSection, ReportTable, Tone } from "./report.ts";

const SIGNS = { PASS: "✅", FAIL: "❌", INVALID: "⚠️" } as const;
const TONE_SIGNS: Readonly<Partial<Record<Tone, string>>> = { good: "✅", bad: "❌", doubtful: "⚠️" };
/** GitHub takes a summary of at most 1 MiB. */
const MOST_ROWS = 50;
const MOST_CHARACTERS = 500;

/** The verdict, the numbers and the brief sections of a report, in GitHub's Markdown. */
export function renderMarkdown(report: Report): string {
  const { title, subject, setup, verdict, exit, reasons, notes, figures, sections } = report;
  return [
    `## ${SIGNS[verdict]} ${verdict}: ${escapeMarkdown(title)}`,
    `${code(subject)}  \n${escapeMarkdown(setup)}, exit status ${exit}`,
    list(reasons),
    list(notes.map((note) => `Note: ${note}`)),
    ...figures.map(figureTable),
    ...sections.filter((section) => section.isBrief).map(renderSection),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${escapeMarkdown(line)}`).join("\n");
}

function figureTable(figures: readonly Figure[]): string {
  if (figures.length === 0) return "";
  const cells = figures.map(
    ({ value, note }) => `**${escapeMarkdown(value)}**${note === null ? "" : `<br>${escapeMarkdown(note)}`}`,
  );
  return rows([figures.map(({ label }) => escapeMarkdown(label)), figures.map(() => "---:"), cells]);
}

function renderSection({ title, about, table }: ReportSection): string {
  return [`### ${escapeMarkdown(title)}`, about === null ? "" : escapeMarkdown(about), renderTable(table)]
    .filter((part) => part !== "")
    .join("\n\n");
}

function renderTable({ columns, rows: all, note }: ReportTable): string {
  const shown = all.slice(0, MOST_ROWS);
  const hidden = all.length - shown.length;
  const table = rows([
    columns.map(({ label }) => escapeMarkdown(label)),
    columns.map(({ isNumber }) => (isNumber ? "---:" : "---")),
    ...shown.map((row) => row.map(renderCell)),
  ]);
  const more = note ?? (hidden > 0 ? `And ${hidden} more.` : "");
  return more === "" ? table : `${table}\n\n${escapeMarkdown(more)}`;
}

function renderCell(cell: ReportCell): string {
  if (typeof cell === "string") return escapeMarkdown(cell);
  const sign = TONE_SIGNS[cell.tone];
  return sign === undefined ? escapeMarkdown(cell.text) : `${sign} ${escapeMarkdown(cell.text)}`;
}

function rows(lines: readonly (readonly string[])[]): string {
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** Text that stays as it is: no HTML, no markup of Markdown, no end of a cell. Inside words `_` means nothing, and links need it. */
function escapeMarkdown(text: string): string {
  const short =
    text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1).toWellFormed()}…` : text;
  return short
    .replace(/[\\`*{}[\]|~$]|\b_\B|\B_/g, "\\$&")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replace(/^\s*(?:\d+(?=[.)](?:\s|$))|(?=[-+#](?:[-+#\s]|$)))/, "$&\\");
}

/** The text as code, in more backticks than it has in a row. */
function code(text: string): string {
  if (text.trim() === "") return "–";
  const runs = text.match(/`+/g) ?? [];
  const fence = "`".repeat(1 + runs.reduce((most, run) => Math.max(most, run.length), 0));
  return runs.length > 0 || text.startsWith(" ") ? `${fence} ${text} ${fence}` : `${fence}${text}${fence}`;
}
