import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeBench } from "../../../src/core/bench/report/describe-bench.ts";
import { html, scriptJson, trusted } from "../../../src/views/report/html.ts";
import { renderReport } from "../../../src/views/report/render-report.ts";
import { benchResult, emptyBenchResult, HOSTILE, hostileBenchResult } from "../../support/bench-result.ts";

const assets = { uplotJs: "var uPlot = 1;", uplotCss: ".uplot {}" };
const text = fc.oneof(fc.string(), fc.constant(HOSTILE), fc.stringMatching(/^[<>"'&a-z/! -]{0,12}$/));

describe("html", () => {
  it("puts text in as text, and markup as markup", () => {
    const list = ["a<b", `"x"`].map((each) => html`<li>${each}</li>`);
    expect(html`<ul title="${`'"`}">${list}${null}${7}${trusted("<hr>")}</ul>`.markup).toBe(
      `<ul title="&#39;&quot;"><li>a&lt;b</li><li>&quot;x&quot;</li>7<hr></ul>`,
    );
  });

  it("lets nothing out of text or attributes", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const { markup } = html`<p title="${a}">${b}</p>`;
        expect(markup).toMatch(/^<p title="[^"<>]*">[^<>]*<\/p>$/s);
      }),
    );
  });

  it("lets nothing out of a script of data, and says the same", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), text), (value) => {
        const { markup } = scriptJson(value);
        expect(markup).not.toContain("<");
        expect(JSON.parse(markup)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe("renderReport", () => {
  it("asks nothing of the network", () => {
    const page = renderReport(describeBench(benchResult({ target: "/" })), assets);
    expect(page).not.toMatch(/\b(?:src|href|action)=|url\(|@import|https?:/i);
    expect(page).toContain("default-src &#39;none&#39;");
  });

  it("has the scripts that it allows and no others, whatever stands in the result", () => {
    for (const result of [benchResult(), hostileBenchResult()]) {
      const page = renderReport(describeBench(result), assets);
      expect(page.match(/<script/gi)?.length).toBe(3);
      expect(page.match(/<\/script/gi)?.length).toBe(3);
      expect(page.match(/sha256-/g)?.length).toBe(2);
      expect(page).not.toMatch(/<img|<!--/);
    }
  });

  it("has no scripts to run where there is nothing to draw", () => {
    const page = renderReport(describeBench(emptyBenchResult()), assets);
    expect(page).toContain("script-src &#39;none&#39;");
    expect(page).not.toContain("var uPlot");
  });

  it("is not ended by what a script says", () => {
    const page = renderReport(describeBench(benchResult()), {
      ...assets,
      uplotJs: `var a = "</SCRIPT><!--", b = 1</2;`,
    });
    expect(page).toContain(`var a = "\\x3c/SCRIPT>\\x3c!--", b = 1</2;`);
  });
});
