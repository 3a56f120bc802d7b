import { createHash } from "node:crypto";
import type {
  Figure,
  Report,
  ReportCell,
  ReportChart,
  ReportSection,
  ReportTable,
} from "../../core/bench/report/report.ts";
import { html, type Markup, scriptJson, trusted } from "./html.ts";
import type { ReportAssets } from "./report-assets.ts";
import { REPORT_SCRIPT } from "./report-script.ts";
import { REPORT_STYLE } from "./report-style.ts";

const MEANING: Readonly<Record<Report["verdict"], string>> = {
  PASS: "Everything that was asked for holds.",
  FAIL: "Not everything that was asked for holds.",
  INVALID: "No verdict is possible: do not rely on these numbers.",
};

/** Drawn, so that they look the same with every font. */
const SIGNS: Readonly<Record<Report["verdict"], string>> = {
  PASS: '<path d="M4 13.5 9.5 19 20 6"/>',
  FAIL: '<path d="M5.5 5.5l13 13m0-13l-13 13"/>',
  INVALID: '<path d="M12 4v10.5m0 4.4v.6"/>',
};

const TONE_SIGNS = { good: "✓", bad: "✕", doubtful: "?" } as const;

/**
 * A report as one HTML file, which needs nothing else: no network, no other file. It can be read without JavaScript; with it,
 * charts are drawn. Whatever stands in the report is text in it and never markup, and scripts other than its own do not run.
 */
export function renderReport(report: Report, { uplotJs, uplotCss }: ReportAssets): string {
  const charts = report.sections.flatMap(({ id, chart }) => (hasData(chart) ? [{ id, ...chart }] : []));
  const scripts = charts.length === 0 ? [] : [uplotJs, REPORT_SCRIPT].map(endless);
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    `script-src ${scripts.length === 0 ? "'none'" : scripts.map(hashSource).join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${report.verdict}: ${report.subject}</title>
<style>${trusted(uplotCss)}${trusted(REPORT_STYLE)}</style>
</head>
<body>
<main class="page">
${banner(report)}
<header class="subject">
<h1><code>${report.subject}</code></h1>
<p class="setup">${report.setup}</p>
</header>
${report.figures.map(figureGroup)}
${report.sections.map(renderSection)}
<footer>Made by dcs.</footer>
</main>
<script type="application/json" id="charts">${scriptJson(charts)}</script>
${scripts.map((script) => html`<script>${trusted(script)}</script>\n`)}</body>
</html>
`.markup;
}

/** By its hash the policy lets a script run, and no other. */
function hashSource(script: string): string {
  return `'sha256-${createHash("sha256").update(script).digest("base64")}'`;
}

/** The script without what would end its element; inside strings, where alone it can stand, it means the same. */
function endless(script: string): string {
  return script.replaceAll(/<(?=\/script|!--)/gi, "\\x3c").replaceAll("\r\n", "\n");
}

function banner({ title, at, verdict, exit, reasons, notes }: Report): Markup {
  const sign = trusted(
    `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="3.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${SIGNS[verdict]}</svg>`,
  );
  return html`<p class="eyebrow">dcs · ${title}${at === null ? null : ` · ${at}`}</p>
<div class="verdict ${verdict}">
<div class="verdict-head">
<span class="verdict-word">${sign}${verdict}</span>
<span class="verdict-meaning">${MEANING[verdict]}</span>
<span class="verdict-exit">exit status ${exit}</span>
</div>
${list(reasons, "")}
${list(notes, "notes")}
</div>`;
}

function list(lines: readonly string[], className: string): Markup | null {
  if (lines.length === 0) return null;
  return html`<ul class="${className}">${lines.map((line) => html`<li>${line}</li>`)}</ul>`;
}

/** The first group is what people came for. */
function figureGroup(figures: readonly Figure[], index: number): Markup | null {
  if (figures.length === 0) return null;
  return html`<dl class="figures${index > 0 ? " minor" : ""}">${figures.map(
    ({ label, value, note, tone }) =>
      html`<div class="figure"><dt>${label}</dt><dd><div class="value tone-${tone}">${value}</div>${
        note === null ? null : html`<div class="note">${note}</div>`
      }</dd></div>`,
  )}</dl>
`;
}

function renderSection({ id, title, about, table, chart }: ReportSection): Markup {
  const isDrawn = hasData(chart);
  return html`<section aria-labelledby="title-${id}">
<div class="section-head" id="head-${id}"><h2 id="title-${id}">${title}</h2></div>
${isDrawn ? figure(id, about, chart) : about === null ? null : html`<p class="about">${about}</p>`}
${
  table.rows.length === 0
    ? html`<p class="nothing">Nothing was measured.</p>`
    : isDrawn && isLongForm(chart)
      ? html`<details><summary>The numbers</summary>${renderTable(table, title)}</details>`
      : renderTable(table, title)
}
</section>
`;
}

/** Steps of a search are read as a table first; seconds are not. */
function isLongForm({ x }: ReportChart): boolean {
  return x.scale !== "rate";
}

function figure(id: string, about: string | null, { label }: ReportChart): Markup {
  return html`<figure>
${about === null ? null : html`<figcaption class="about">${about}</figcaption>`}
<div class="plot" id="plot-${id}" role="img" aria-label="${label}"><p class="plot-missing">The chart needs JavaScript. Its numbers are in the table.</p></div>
</figure>`;
}

function renderTable({ columns, rows, note }: ReportTable, title: string): Markup {
  const isNarrow = columns.length <= 3;
  const isNumber = (index: number) => columns[index]?.isNumber === true;
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${title}: the numbers"><table class="numbers${isNarrow ? " narrow" : ""}">
<thead><tr>${columns.map(({ label }, index) =>
    label === ""
      ? html`<td></td>`
      : html`<th scope="col"${attribute("class", isNumber(index) ? "number" : null)}>${label}</th>`,
  )}</tr></thead>
<tbody>
${rows.map(
  (row) => html`<tr>${row.map((cell, index) =>
    index === 0
      ? html`<th scope="row"${attribute("class", isNumber(index) ? "number" : null)}>${renderCell(cell, false)}</th>`
      : html`<td${attribute("class", isNumber(index) ? "number" : typeof cell === "string" ? null : "word")}>${renderCell(cell, !isNumber(index))}</td>`,
  )}</tr>
`,
)}</tbody>
</table></div>
${note === null ? null : html`<p class="table-note">${note}</p>`}`;
}

/** A word that is good or bad says so also to who does not see colours. */
function renderCell(cell: ReportCell, isWord: boolean): Markup {
  if (typeof cell === "string") return html`${cell}`;
  const { text, tone } = cell;
  const isToned = tone === "good" || tone === "bad" || tone === "doubtful";
  const sign = isWord && isToned ? TONE_SIGNS[tone] : null;
  return html`<span class="tone-${tone}">${
    sign === null ? null : html`<span class="sign" aria-hidden="true">${sign}</span>`
  }${text}</span>`;
}

function attribute(name: string, value: string | null): Markup | null {
  return value === null ? null : html` ${trusted(name)}="${value}"`;
}

function hasData(chart: ReportChart | null): chart is ReportChart {
  return chart !== null && chart.xs.length > 0;
}
