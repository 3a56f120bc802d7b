import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparisonJunit } from "../../../src/core/bench/report/compare-junit.ts";
import { benchJunit } from "../../../src/core/bench/report/junit.ts";
import { junitXml } from "../../../src/core/bench/report/junit-xml.ts";
import {
  benchResult,
  comparisonResult,
  emptyBenchResult,
  HOSTILE,
  hostileBenchResult,
  serviceBenchResult,
} from "../../support/bench-result.ts";
import { parseXml, type XmlElement } from "../../support/strict-xml.ts";

interface Suite {
  readonly attributes: Readonly<Record<string, string>>;
  readonly cases: readonly (readonly [string, string])[];
  readonly all: readonly XmlElement[];
}

/** The one suite, its cases as name and outcome. */
function read(xml: string): Suite {
  const root = parseXml(xml);
  expect(root.name).toBe("testsuites");
  const [suite] = root.children;
  if (suite === undefined || root.children.length > 1) throw new Error("not one suite");
  const all = suite.children.filter(({ name }) => name === "testcase");
  const cases = all.map((each) => {
    const kinds = each.children.map(({ name }) => name);
    return [each.attributes["name"] ?? "", kinds[0] === "system-out" ? "passed" : (kinds[0] ?? "")] as const;
  });
  const count = (kind: string) => String(cases.filter(([, outcome]) => outcome === kind).length);
  expect(suite.attributes).toMatchObject({
    tests: String(cases.length),
    failures: count("failure"),
    errors: count("error"),
    skipped: count("skipped"),
  });
  return { attributes: suite.attributes, cases, all };
}

describe("benchJunit", () => {
  it("has a case for each threshold, and one for whether the numbers can be trusted", () => {
    const { attributes, cases } = read(benchJunit(benchResult()));
    expect(cases).toEqual([
      ["the numbers can be trusted", "passed"],
      ["p99<500ms", "passed"],
      ["p50<20ms", "passed"],
      ["rate>=990/s", "passed"],
      ["errors<1% (default)", "passed"],
    ]);
    expect(attributes).toMatchObject({
      name: "dcs bench http://orders.internal:8080/v1/orders?limit=20",
      timestamp: "2026-11-23T15:04:05",
      hostname: "ci-runner-7",
      time: "60.000",
    });
  });

  it("fails the threshold that was broken, and says what was measured", () => {
    const { cases, all } = read(benchJunit(serviceBenchResult()));
    expect(cases.filter(([, outcome]) => outcome !== "passed")).toEqual([["p99<50ms", "failure"]]);
    expect(all[1]?.children[0]).toMatchObject({
      attributes: { message: "p99<50ms: measured 72.4ms", type: "FAIL" },
      text: "p99<50ms: measured 72.4ms",
    });
  });

  it("is an error when there is no verdict, and nothing else is said of the thresholds", () => {
    const reasons = ["the pacer was late", "requests were dropped"];
    const { cases, all } = read(benchJunit(serviceBenchResult({ verdict: "INVALID", reasons })));
    expect(cases).toEqual([
      ["the numbers can be trusted", "error"],
      ["p99<50ms", "skipped"],
      ["errors<1% (default)", "skipped"],
    ]);
    expect(all[0]?.children[0]).toMatchObject({
      attributes: { message: "the pacer was late", type: "INVALID" },
      text: expect.stringContaining("requests were dropped"),
    });
  });

  it("fails also for a reason that is no threshold", () => {
    const { cases, all } = read(benchJunit(benchResult({ verdict: "FAIL", reasons: ["no rate held"] })));
    expect(cases.at(-1)).toEqual(["verdict", "failure"]);
    expect(all.at(-1)?.children[0]?.attributes["message"]).toBe("no rate held");
  });

  it("has a case for each metric that was compared", () => {
    const { cases } = read(benchJunit(benchResult({ verdict: "FAIL", comparison: comparisonResult() })));
    expect(cases.slice(5)).toContainEqual(["p99 is not worse than the baseline", "failure"]);
    expect(cases.map(([name]) => name)).not.toContain("verdict");
  });

  it("says that a metric was not measured", () => {
    expect(benchJunit(emptyBenchResult())).toContain("it was not measured");
  });

  it("holds whatever texts say", () => {
    const { all } = read(benchJunit(hostileBenchResult()));
    const message = all[1]?.children[0]?.attributes["message"] ?? "";
    expect(message).toContain(
      '</script><img src=x onerror="window.pwned=1"> <!-- ]]> & \' ` | $& \\x1b[2J\\x00',
    );
  });
});

describe("comparisonJunit", () => {
  it("fails what got worse and skips what cannot be said", () => {
    const { cases } = read(comparisonJunit(comparisonResult()));
    expect(cases).toEqual([
      ["the numbers can be trusted", "passed"],
      ["p50 is not worse than the baseline", "passed"],
      ["p90 is not worse than the baseline", "skipped"],
      ["p99 is not worse than the baseline", "failure"],
      ["mean is not worse than the baseline", "passed"],
      ["rate is not worse than the baseline", "passed"],
      ["error rate is not worse than the baseline", "passed"],
    ]);
  });

  it("is an error when there are too few runs", () => {
    const result = comparisonResult({ verdict: "INVALID", reasons: ["3 runs are too few"], metrics: [] });
    expect(read(comparisonJunit(result)).cases).toEqual([["the numbers can be trusted", "error"]]);
  });
});

describe("junitXml", () => {
  it("is well-formed with any text in it, and says it", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string(),
      fc.constant(HOSTILE),
      fc.constant("\ufffe\uffff"),
    );
    fc.assert(
      fc.property(text, text, text, (name, message, detail) => {
        const { all, attributes } = read(
          junitXml({
            name,
            startedAt: null,
            host: detail,
            durationMs: 1,
            properties: [[name, message]],
            cases: [{ name, outcome: "failed", message, details: [detail, name] }],
          }),
        );
        expect(attributes["time"]).toBe("0.001");
        // What a person types comes back as it is.
        if (/^[ -~]*$/.test(name + message)) {
          expect(all[0]?.attributes["name"]).toBe(name);
          expect(all[0]?.children[0]?.attributes["message"]).toBe(message);
        }
      }),
    );
  });
});
