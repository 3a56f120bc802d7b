import { printable } from "../../util/printable.ts";

/** What became of a test case; `passed` says in words what was seen. */
export type JunitOutcome = "passed" | "failed" | "error" | "skipped";

export interface JunitCase {
  readonly name: string;
  readonly outcome: JunitOutcome;
  /** In one line. */
  readonly message: string;
  /** More lines. */
  readonly details: readonly string[];
}

export interface JunitSuite {
  readonly name: string;
  /** ISO 8601; left out where it is null. */
  readonly startedAt: string | null;
  readonly host: string | null;
  readonly durationMs: number;
  readonly properties: readonly (readonly [string, string])[];
  readonly cases: readonly JunitCase[];
}

const ELEMENT = { failed: "failure", error: "error", skipped: "skipped" } as const;
/** What XML 1.0 has no way to write, once control characters are gone: the two that are no characters at all. */
const NO_CHARACTER = /[\ufffe\uffff]/g;

/**
 * One suite as JUnit XML, in the form that Jenkins, GitLab, GitHub's actions and others read
 * (https://github.com/testmoapp/junitxml).
 */
export function junitXml({ name, startedAt, host, durationMs, properties, cases }: JunitSuite): string {
  const seconds = (durationMs / 1000).toFixed(3);
  const of = (outcome: JunitOutcome) => cases.filter((each) => each.outcome === outcome).length;
  const totals = [
    ["tests", String(cases.length)],
    ["failures", String(of("failed"))],
    ["errors", String(of("error"))],
    ["skipped", String(of("skipped"))],
    ["time", seconds],
  ] as const;
  const about: readonly (readonly [string, string])[] = [
    ["name", name],
    ...totals,
    // The old schemas know no zone and no fraction.
    ...(startedAt === null ? [] : ([["timestamp", startedAt.slice(0, 19)]] as const)),
    ...(host === null ? [] : ([["hostname", host]] as const)),
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${attributes([["name", name], ...totals])}>`,
    `  <testsuite${attributes(about)}>`,
    ...(properties.length === 0
      ? []
      : ["    <properties>", ...properties.map(property), "    </properties>"]),
    ...cases.flatMap((each, index) => testCase(each, name, index === 0 ? seconds : "0.000")),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function property([name, value]: readonly [string, string]): string {
  return `      <property${attributes([
    ["name", name],
    ["value", value],
  ])}/>`;
}

/** The time is that of the whole run, which the first case stands for. */
function testCase(
  { name, outcome, message, details }: JunitCase,
  suite: string,
  seconds: string,
): readonly string[] {
  const head = `    <testcase${attributes([
    ["name", name],
    ["classname", suite],
    ["time", seconds],
  ])}>`;
  const lines = [message, ...details].map(escapeXml);
  if (outcome === "passed") {
    return [head, `      <system-out>${lines.join("\n")}</system-out>`, "    </testcase>"];
  }
  const element = ELEMENT[outcome];
  const attribute = attributes([
    ["message", message],
    ...(outcome === "skipped" ? [] : ([["type", outcome === "error" ? "INVALID" : "FAIL"]] as const)),
  ]);
  return [head, `      <${element}${attribute}>${lines.join("\n")}</${element}>`, "    </testcase>"];
}

function attributes(pairs: readonly (readonly [string, string])[]): string {
  return pairs.map(([name, value]) => ` ${name}="${escapeXml(value)}"`).join("");
}

function escapeXml(text: string): string {
  return printable(text.toWellFormed())
    .replace(NO_CHARACTER, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&apos;");
}
