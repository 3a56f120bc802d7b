const LIGHT = `
  --paper: #ffffff; --panel: #f6f7f9; --line: #e2e5ea; --ink: #1a1e24; --soft: #59636f;
  --accent: #0a5ea8;
  --good: #15703f; --good-paper: #e9f5ee; --bad: #b3261e; --bad-paper: #fcecea;
  --doubtful: #7d5200; --doubtful-paper: #fcf3df;
  --blue: #0a6cb0; --orange: #d17f00; --red: #cc4e00; --green: #00855f; --purple: #95468f; --grey: #7a838e;
`;

const DARK = `
  --paper: #12151a; --panel: #1a1e25; --line: #2c323b; --ink: #e7eaee; --soft: #9ca6b2;
  --accent: #6cb6f2;
  --good: #62cf93; --good-paper: #14281d; --bad: #ff8f85; --bad-paper: #331a18;
  --doubtful: #efc064; --doubtful-paper: #2d2410;
  --blue: #5cb3ec; --orange: #efae3b; --red: #ff7d52; --green: #3fcda0; --purple: #d59bd0; --grey: #98a2ae;
`;

/** The look of a report: light or dark as the reader's system is, always light on paper. */
export const REPORT_STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
:root.on-paper { color-scheme: light; ${LIGHT} }
@media print { :root { color-scheme: light; ${LIGHT} } }

* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
.page { max-width: 1000px; margin: 0 auto; padding: 40px 28px 64px; }
h1, h2, p, ul, dl, figure { margin: 0; }
h1 { font-size: 21px; line-height: 1.35; font-weight: 600; overflow-wrap: anywhere; }
h2 { font-size: 17px; font-weight: 600; letter-spacing: -0.005em; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.94em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }

.eyebrow { color: var(--soft); font-size: 13px; margin-bottom: 14px; }
.verdict { border-radius: 10px; padding: 22px 26px; border-left: 6px solid var(--tone); background: var(--tone-paper); }
.PASS { --tone: var(--good); --tone-paper: var(--good-paper); }
.FAIL { --tone: var(--bad); --tone-paper: var(--bad-paper); }
.INVALID { --tone: var(--doubtful); --tone-paper: var(--doubtful-paper); }
.verdict-head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 16px; }
.verdict-word { color: var(--tone); font-size: 32px; line-height: 1.1; font-weight: 700; letter-spacing: 0.01em; }
.verdict-word svg { width: 26px; height: 26px; margin-right: 10px; vertical-align: -2px; }
.verdict-meaning { flex: 1 1 260px; font-weight: 500; }
.verdict-exit { color: var(--soft); font-size: 13px; }
.verdict ul { margin: 12px 0 0; padding: 0 0 0 18px; overflow-wrap: anywhere; }
.verdict li { margin: 2px 0; }
.verdict .notes { color: var(--soft); font-size: 14px; }
.verdict .notes b { font-weight: 600; }

.subject { margin: 34px 0 26px; }
.setup { color: var(--soft); margin-top: 4px; overflow-wrap: anywhere; }

.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 20px 24px; padding: 18px 0; border-top: 1px solid var(--line); }
.figures:last-of-type { border-bottom: 1px solid var(--line); }
.figure dt { color: var(--soft); font-size: 13px; }
.figure dd { margin: 0; }
.figure .value { font-size: 26px; line-height: 1.25; font-weight: 600; letter-spacing: -0.015em; white-space: nowrap; }
.figure .note { color: var(--soft); font-size: 13px; }
.figures.minor .value { font-size: 19px; }

section { margin-top: 48px; }
.section-head { display: flex; justify-content: space-between; align-items: baseline; gap: 16px; }
.about { color: var(--soft); font-size: 14px; max-width: 74ch; margin-top: 2px; overflow-wrap: anywhere; }
.nothing { color: var(--soft); margin-top: 10px; }

.scroll { overflow-x: auto; margin-top: 12px; }
details .scroll { max-height: 420px; overflow-y: auto; }
table.numbers { border-collapse: collapse; width: 100%; font-size: 14px; }
.numbers th { color: var(--soft); font-weight: 500; font-size: 13px; text-align: left; white-space: nowrap; vertical-align: bottom; }
.numbers th, .numbers td { padding: 7px 18px 7px 0; border-bottom: 1px solid var(--line); }
.numbers td { vertical-align: top; overflow-wrap: anywhere; min-width: 11em; }
.numbers td.number { min-width: 0; }
.numbers td.word { min-width: 0; white-space: nowrap; }
.numbers:not(.narrow) td.word { width: 1%; }
.numbers th:last-child, .numbers td:last-child { padding-right: 0; }
.numbers .number { text-align: right; white-space: nowrap; }
.numbers tbody th { color: var(--ink); font-weight: 400; font-size: 14px; white-space: normal; vertical-align: top; overflow-wrap: anywhere; min-width: 9.5em; }
.numbers tbody th.number { min-width: 0; }
.numbers .number:first-child { text-align: left; }
.numbers.narrow { width: auto; min-width: min(100%, 420px); }
.table-note { color: var(--soft); font-size: 13px; margin-top: 6px; }
.tone-good { color: var(--good); } .tone-bad { color: var(--bad); } .tone-doubtful { color: var(--doubtful); } .tone-quiet { color: var(--soft); }
.tone-good, .tone-bad, .tone-doubtful { font-weight: 600; }
.sign { margin-right: 0.4em; }

.plot { margin-top: 14px; min-height: 60px; }
.plot-missing { color: var(--soft); font-size: 14px; }
details { margin-top: 8px; font-size: 14px; }
summary { color: var(--accent); cursor: pointer; width: fit-content; }
.toggle {
  font: inherit; font-size: 13px; color: var(--soft); background: none; border: 1px solid var(--line);
  border-radius: 6px; padding: 2px 10px; cursor: pointer; white-space: nowrap;
}
.toggle[aria-pressed="true"] { color: var(--paper); background: var(--accent); border-color: var(--accent); }

.uplot { font-family: inherit; }
.uplot .u-legend { margin: 6px 0 0; font-size: 13px; color: var(--soft); }
.uplot .u-legend tbody { display: flex; flex-wrap: wrap; gap: 2px 18px; text-align: left; }
.uplot .u-legend .u-series > * { padding: 0; }
.uplot .u-legend th { font-weight: 500; }
.uplot .u-legend th::after { content: none; }
.uplot .u-legend tr { margin: 0; }
.uplot .u-legend .u-value { color: var(--ink); min-width: 4.4em; padding-left: 6px; }
.uplot .u-legend .u-marker { width: 16px; height: 0; margin-right: 6px; border-width: 2.5px 0 0 !important; }
.uplot .u-legend .u-series:first-child { order: 1; }
.uplot .u-legend .u-series:first-child th { display: none; }
.uplot .u-cursor-x, .uplot .u-cursor-y { border-color: var(--soft); }
.uplot .u-select { background: color-mix(in srgb, var(--accent) 14%, transparent); }

footer { margin-top: 56px; color: var(--soft); font-size: 13px; }

@media (max-width: 560px) {
  .page { padding: 20px 16px 40px; }
  .verdict { padding: 18px 18px; }
  .figures { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 16px 12px; }
  .figure .value { font-size: 20px; }
  .figures.minor .value { font-size: 17px; }
  section { margin-top: 38px; }
}
@media print {
  body { font-size: 12px; }
  .page { max-width: none; padding: 0; }
  .figures { grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 10px 12px; padding: 12px 0; }
  .figure .value { font-size: 19px; }
  .figures.minor .value { font-size: 15px; }
  table.numbers, .numbers th, .numbers tbody th, .about, .notes { font-size: 11px !important; }
  .numbers th, .numbers td { padding: 4px 10px 4px 0; min-width: 0 !important; }
  section, .verdict, .figures { break-inside: avoid; }
  section { margin-top: 28px; }
  .toggle, details, .u-value { display: none !important; }
  .scroll { overflow: visible; }
  .verdict { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
`;
