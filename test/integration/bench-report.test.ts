import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { comparisonJunit } from "../../src/core/bench/report/compare-junit.ts";
import { describeBench } from "../../src/core/bench/report/describe-bench.ts";
import { describeComparison } from "../../src/core/bench/report/describe-comparison.ts";
import { benchJunit } from "../../src/core/bench/report/junit.ts";
import type { Report } from "../../src/core/bench/report/report.ts";
import type { BenchResult } from "../../src/core/bench/result.ts";
import { renderReport } from "../../src/views/report/render-report.ts";
import { type ReportAssets, readReportAssets } from "../../src/views/report/report-assets.ts";
import {
  benchResult,
  comparisonResult,
  emptyBenchResult,
  findMaxResult,
  HOSTILE,
  hostileBenchResult,
  serviceBenchResult,
} from "../support/bench-result.ts";
import { type Chromium, type Page, type PageOptions, startChromium } from "../support/chromium.ts";
import { until } from "../support/until.ts";

/** A chart as a reader has it before them. */
interface SeenChart {
  readonly id: string;
  readonly caption: string;
  readonly label: string;
  readonly width: number;
  readonly height: number;
  /** Of the series, in order. */
  readonly legend: readonly string[];
  /** Pixels in the plotting area close to the colour of each series. */
  readonly inColour: readonly number[];
  /** Pixels that are drawn on, left of the plotting area and under it: the labels of the axes. */
  readonly left: number;
  readonly below: number;
}

/** A single dot has more pixels. */
const FEW = 3;

/** Runs in the page. */
const LOOK = `[...document.querySelectorAll(".plot")].map((place) => {
  const canvas = place.querySelector("canvas");
  if (canvas === null) return { id: place.id, width: 0 };
  const style = getComputedStyle(document.documentElement);
  const chart = JSON.parse(document.getElementById("charts").textContent).find(({ id }) => "plot-" + id === place.id);
  const frame = canvas.getBoundingClientRect();
  const over = place.querySelector(".u-over").getBoundingClientRect();
  const ratio = canvas.width / frame.width;
  // From a copy: the chart's own canvas would be made slower by being read, and the console would say so.
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const read = (left, top, right, bottom) => copy.getImageData(
    Math.round(left * ratio), Math.round(top * ratio),
    Math.max(1, Math.round((right - left) * ratio)), Math.max(1, Math.round((bottom - top) * ratio))).data;
  const count = (data, isIt) => {
    let found = 0;
    for (let at = 0; at < data.length; at += 4) if (isIt(data[at], data[at + 1], data[at + 2], data[at + 3])) found++;
    return found;
  };
  const [x, y] = [over.left - frame.left, over.top - frame.top];
  const plotted = read(x, y, x + over.width, y + over.height);
  const isInk = (r, g, b, a) => a > 128;
  return {
    id: place.id,
    caption: place.closest("figure").querySelector("figcaption")?.textContent ?? "",
    label: place.getAttribute("role") === "img" ? place.getAttribute("aria-label") : "",
    width: frame.width,
    height: frame.height,
    legend: [...place.querySelectorAll(".u-legend .u-label")].slice(1).map((each) => each.textContent),
    inColour: chart.series.map(({ colour }) => {
      const wanted = style.getPropertyValue("--" + colour).trim();
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(wanted.slice(at, at + 2), 16));
      return count(plotted, (r, g, b, a) => a > 200 && Math.abs(r - red) + Math.abs(g - green) + Math.abs(b - blue) < 40);
    }),
    left: count(read(0, y, x - 2, y + over.height), isInk),
    below: count(read(x, y + over.height + 2, x + over.width, frame.height), isInk),
  };
})`;

let chromium: Chromium;
let assets: ReportAssets;
const dir = mkdtempSync(join(tmpdir(), "dcs-report-"));
let files = 0;

beforeAll(async () => {
  assets = await readReportAssets();
  chromium = await startChromium();
});

afterAll(async () => {
  await chromium?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** Opens the report in the browser, as a file. */
async function open(report: Report, options: PageOptions = {}): Promise<Page> {
  const path = join(dir, `report-${files++}.html`);
  writeFileSync(path, renderReport(report, assets));
  const page = await chromium.open(pathToFileURL(path).href, options);
  expect(page.requests.map((url) => url.replace(/.*\//, ""))).toEqual([path.replace(/.*\//, "")]);
  return page;
}

const openBench = (result: BenchResult, options?: PageOptions) => open(describeBench(result), options);
const look = (page: Page) => page.evaluate<readonly SeenChart[]>(LOOK);
const textOf = (page: Page) => page.evaluate<string>("document.body.innerText");

/** Every chart is there, has a size, labels, and each of its series in its colour. */
async function expectDrawn(page: Page, report: Report): Promise<void> {
  const charts = report.sections.flatMap(({ id, chart }) => (chart === null ? [] : [{ id, ...chart }]));
  const seen = await look(page);
  expect(seen.map(({ id }) => id)).toEqual(charts.map(({ id }) => `plot-${id}`));
  for (const [index, chart] of charts.entries()) {
    const one = seen[index];
    expect(one, chart.id).toMatchObject({
      label: chart.label,
      legend: chart.series.map(({ label }) => label),
    });
    expect(one?.width, chart.id).toBeGreaterThan(250);
    expect(one?.height, chart.id).toBeGreaterThan(150);
    expect(one?.left, `labels of the y axis of ${chart.id}`).toBeGreaterThan(60);
    expect(one?.below, `labels of the x axis of ${chart.id}`).toBeGreaterThan(100);
    for (const [at, { label, values }] of chart.series.entries()) {
      const isSomething = values.some((value) => value !== null && value > 0);
      const pixels = one?.inColour[at] ?? -1;
      expect(pixels, `${label} of ${chart.id}`)[isSomething ? "toBeGreaterThan" : "toBe"](
        isSomething ? FEW : 0,
      );
    }
  }
  expect(page.problems).toEqual([]);
}

const everything = () =>
  benchResult({
    verdict: "FAIL",
    findMax: findMaxResult(),
    comparison: comparisonResult(),
    instances: serviceBenchResult().instances,
    runs: comparisonResult().a.runs,
  });

describe("the report of a benchmark", () => {
  it.each([
    ["light", false],
    ["dark", true],
  ])("draws its charts, %s, and needs no network", async (_, isDark) => {
    const report = describeBench(benchResult());
    const page = await open(report, { isDark });
    await expectDrawn(page, report);
    expect((await look(page)).every(({ caption }) => caption !== "")).toBe(true);
    await page.close();
  });

  it("draws what a search, a comparison and a service add, on a narrow screen too", async () => {
    const report = describeBench(everything());
    const page = await open(report, { width: 380 });
    await expectDrawn(page, report);
    const [width, most] = await page.evaluate<[number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    expect(width).toBeLessThanOrEqual(most);
    const text = await textOf(page);
    for (const word of ["10.0.3.17:8080", "3,600/s held", "+12.1%", "no healthy upstream", "AMD EPYC 7R13"]) {
      expect(text).toContain(word);
    }
    await page.close();
  });

  it("says the verdict first, in words, with its reasons and the exit status", async () => {
    const page = await openBench(serviceBenchResult());
    const text = await page.evaluate<string>(`document.querySelector(".verdict").innerText`);
    expect(text).toMatch(/^FAIL\b/);
    expect(text).toContain("exit status 99");
    expect(text).toContain("p99<50ms was broken: 72.4ms");
    expect(text).toContain("latency in max mode is that of a saturated target");
    expect(await page.evaluate("document.title")).toBe("FAIL: service://orders@v2/v1/orders");
    await page.close();
  });

  it("follows the reader's colours, without a reload", async () => {
    const report = describeBench(benchResult());
    const page = await open(report);
    const paper = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    expect(await paper()).toBe("rgb(255, 255, 255)");
    await page.setDark(true);
    expect(await paper()).not.toBe("rgb(255, 255, 255)");
    await until(async () => (await look(page)).every(({ inColour }) => (inColour[0] ?? 0) > FEW));
    await expectDrawn(page, report);
    await page.close();
  });

  it("is light on paper, also for who reads in the dark", async () => {
    const report = describeBench(benchResult());
    const page = await open(report, { isDark: true });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    expect(
      await page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')"),
    ).toBe("#ffffff");
    await expectDrawn(page, report);
    expect((await look(page)).every(({ width }) => width === 660)).toBe(true);
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    expect((await look(page)).some(({ width }) => width === 660)).toBe(false);
    expect((await page.pdf()).subarray(0, 5).toString()).toBe("%PDF-");
    expect(page.problems).toEqual([]);
    await page.close();
  });

  it("takes the width there is", async () => {
    const page = await openBench(benchResult(), { width: 1100 });
    const before = await look(page);
    await page.setWidth(600);
    await until(async () =>
      (await look(page)).every(({ width }, index) => width < (before[index]?.width ?? 0) - 200),
    );
    expect((await look(page)).every(({ inColour }) => (inColour[0] ?? 0) > FEW)).toBe(true);
    await page.close();
  });

  it("shows the numbers under the pointer", async () => {
    const page = await openBench(benchResult());
    const [x, y] = await page.evaluate<[number, number]>(`(() => {
      const over = document.querySelector("#plot-latency-over-time .u-over");
      over.scrollIntoView({ block: "center" });
      const { left, top, width, height } = over.getBoundingClientRect();
      return [left + width * 20 / 60, top + height / 2];
    })()`);
    await page.hover(x - 3, y);
    await page.hover(x, y);
    const values = () =>
      page.evaluate<string[]>(
        `[...document.querySelectorAll("#plot-latency-over-time .u-value")].map((each) => each.textContent)`,
      );
    await until(async () => (await values()).every((value) => value !== ""));
    const point = benchResult().series[19];
    expect(await values()).toEqual([
      "20s",
      ...[point?.p50, point?.p99, point?.max].map((value) => `${Number((value ?? 0).toPrecision(3))}ms`),
    ]);
    // The other charts over time show the same moment.
    expect(await page.evaluate(`document.querySelector("#plot-rate-over-time .u-value").textContent`)).toBe(
      "20s",
    );
    await page.close();
  });

  it("draws latencies on either scale", async () => {
    const page = await openBench(benchResult());
    const toggle = `document.querySelector("#head-latency-over-time .toggle")`;
    const picture = `document.querySelector("#plot-latency-over-time canvas").toDataURL()`;
    expect(await page.evaluate(`${toggle}.getAttribute("aria-pressed")`)).toBe("true");
    const logarithmic = await page.evaluate(picture);
    await page.evaluate(`${toggle}.click()`);
    expect(await page.evaluate(`${toggle}.getAttribute("aria-pressed")`)).toBe("false");
    await until(async () => (await page.evaluate(picture)) !== logarithmic);
    expect((await look(page))[0]?.inColour.every((pixels) => pixels > FEW)).toBe(true);
    await page.evaluate(`${toggle}.click()`);
    await until(async () => (await page.evaluate(picture)) === logarithmic);
    expect(page.problems).toEqual([]);
    await page.close();
  });

  it("can be read without JavaScript", async () => {
    const page = await openBench(everything(), { isScripted: false });
    const text = await textOf(page);
    for (const word of ["FAIL", "exit status 99", "59,920", "p99<500ms", "10.0.3.17:8080", "+12.1%"]) {
      expect(text).toContain(word);
    }
    expect(text).toContain("The chart needs JavaScript.");
    expect(await page.evaluate("document.querySelectorAll('canvas').length")).toBe(0);
    await page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })");
    expect(await textOf(page)).toContain("99.999%".slice(0, 4));
    await page.close();
  });

  it("is ordered for those who do not see it", async () => {
    const page = await openBench(everything());
    const faults = await page.evaluate<string[]>(`[
      ...[...document.querySelectorAll("[id]")].map(({ id }) => id).filter((id, at, all) => all.indexOf(id) !== at),
      ...[...document.querySelectorAll("section")].filter((each) => !document.getElementById(each.getAttribute("aria-labelledby"))?.textContent).map(() => "a section without a title"),
      ...[...document.querySelectorAll("figure")].filter((each) => each.parentElement.querySelector("table") === null).map(() => "a figure without its numbers"),
      ...[...document.querySelectorAll("th")].filter((each) => !each.hasAttribute("scope") && each.closest(".uplot") === null).map(() => "a head without a scope"),
      ...[...document.querySelectorAll("tbody tr")].filter((each) => each.closest(".uplot") === null && each.children.length !== each.closest("table").querySelectorAll("thead tr > *").length).map(() => "a row that does not fit its head"),
    ]`);
    expect(faults).toEqual([]);
    expect(await page.evaluate("document.querySelectorAll('h1').length")).toBe(1);
    await page.close();
  });

  it("shows hostile text as text, and runs nothing of it", async () => {
    const page = await openBench(hostileBenchResult());
    await expectDrawn(page, describeBench(hostileBenchResult()));
    expect(await page.evaluate("window.pwned ?? null")).toBe(null);
    expect(await page.evaluate("document.querySelectorAll('img').length")).toBe(0);
    const shown = HOSTILE.slice(0, HOSTILE.indexOf("\u001b"));
    for (const place of ["h1", ".verdict li", ".notes li", ".setup", "#title-errors", "#title-instances"]) {
      const text = await page.evaluate<string>(`(() => {
        const found = document.querySelector(${JSON.stringify(place)});
        return (found.closest("section") ?? found).textContent;
      })()`);
      expect(text.replace(/\s+/g, " "), place).toContain(shown.trim());
    }
    await page.close();
  });

  it("lets no script run but its own, should one get in after all", async () => {
    const page = await openBench(benchResult());
    await page.evaluate(
      `document.body.insertAdjacentHTML("beforeend", '<img src="data:," onerror="window.pwned = 1"><a href="javascript:window.pwned=1" id="trap">x</a>')`,
    );
    await page.evaluate("document.getElementById('trap').click()");
    await page.evaluate(`(() => {
      const script = document.createElement("script");
      script.textContent = "window.pwned = 1";
      document.body.append(script);
    })()`);
    await until(() => page.problems.length >= 3);
    expect(page.problems.every((problem) => problem.includes("Content Security Policy"))).toBe(true);
    expect(await page.evaluate("window.pwned ?? null")).toBe(null);
    await page.close();
  });

  it("has no charts, and says so, where nothing was measured", async () => {
    const page = await openBench(emptyBenchResult());
    const text = await textOf(page);
    expect(text).toContain("INVALID");
    expect(text).toContain("do not rely on these numbers");
    expect(text).toContain("Nothing was measured.");
    expect(text).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(await page.evaluate("document.querySelectorAll('canvas, .plot').length")).toBe(0);
    expect(page.problems).toEqual([]);
    await page.close();
  });

  it("draws a run of one second, and one in which nothing was answered for a while", async () => {
    const { series } = benchResult();
    const silent = { ok: 0, errors: 0, timeouts: 0, p50: 0, p99: 0, max: 0 };
    const odd: readonly BenchResult["series"][] = [
      series.slice(0, 1),
      series.map((point, index) => (index > 10 && index < 50 ? { ...point, ...silent } : point)),
      series.map((point) => ({ ...point, ...silent, dropped: 1000 })),
    ];
    for (const each of odd) {
      const page = await openBench(benchResult({ series: each }));
      const [latency, rate] = await look(page);
      const isAnswered = each.some(({ ok }) => ok > 0);
      expect(latency?.inColour[0])[isAnswered ? "toBeGreaterThan" : "toBe"](isAnswered ? FEW : 0);
      expect(Math.max(...(rate?.inColour ?? []))).toBeGreaterThan(FEW);
      expect(await textOf(page)).not.toMatch(/NaN|Infinity|undefined|null/);
      expect(page.problems).toEqual([]);
      await page.close();
    }
  });

  it("shows a run of a day", async () => {
    const { series } = benchResult();
    const day = Array.from({ length: 86_400 }, (_, index) => ({
      ...(series[index % series.length] as BenchResult["series"][number]),
      atS: index + 1,
      timeouts: 0,
    }));
    const report = describeBench(benchResult({ series: day }));
    const page = await open(report);
    await expectDrawn(page, report);
    expect(await page.evaluate("document.querySelectorAll('#title-latency-over-time').length")).toBe(1);
    const rows = await page.evaluate<number>("document.querySelectorAll('tr').length");
    expect(rows).toBeLessThan(1500);
    expect(await page.evaluate<string>("document.body.textContent")).toContain(
      "One row in 288 of 86,400 is shown",
    );
    await page.close();
  });
});

describe("the report of a comparison", () => {
  it("draws the runs of both sides", async () => {
    const report = describeComparison(comparisonResult());
    for (const isDark of [false, true]) {
      const page = await open(report, { isDark });
      await expectDrawn(page, report);
      expect((await look(page)).every(({ caption }) => caption !== "")).toBe(true);
      expect(await textOf(page)).toContain("p99 is worse by 12.1%");
      await page.close();
    }
  });

  it("says that there are too few runs, without any", async () => {
    const empty = { name: HOSTILE, runs: [] };
    const result = comparisonResult({ verdict: "INVALID", a: empty, b: empty, metrics: [] });
    const page = await open(describeComparison(result));
    expect(await textOf(page)).toContain("INVALID");
    expect(await textOf(page)).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(await page.evaluate("window.pwned ?? null")).toBe(null);
    expect(page.problems).toEqual([]);
    await page.close();
  });
});

it("JUnit XML is well-formed for a parser that others wrote", async () => {
  const page = await openBench(emptyBenchResult());
  const documents = [
    benchJunit(everything()),
    benchJunit(hostileBenchResult()),
    benchJunit(emptyBenchResult()),
    comparisonJunit(comparisonResult({ a: { name: HOSTILE, runs: [] } })),
  ];
  for (const xml of documents) {
    const [fault, cases] = await page.evaluate<[string | null, number]>(`(() => {
      const parsed = new DOMParser().parseFromString(${JSON.stringify(xml)}, "application/xml");
      return [parsed.querySelector("parsererror")?.textContent ?? null, parsed.querySelectorAll("testsuite > testcase").length];
    })()`);
    expect(fault).toBe(null);
    expect(cases).toBeGreaterThan(1);
  }
  await page.close();
});
