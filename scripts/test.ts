/**
 * The one test runner: build, static checks, the servers that tests need, then every vitest project, fast things first.
 * Ends with one line, `N passed, N failed`, over all vitest tests; a static check that fails, or a server that cannot be
 * had, counts as one failure. `--long` sets DCS_LONG=1, by which suites run their full counts.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureEngines } from "./engines.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const long = process.argv.includes("--long");
const scratch = mkdtempSync(join(tmpdir(), "dcs-test-"));
const env = {
  ...process.env,
  PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`,
  ...(long ? { DCS_LONG: "1" } : {}),
};

const CHECKS: readonly (readonly [string, readonly string[]])[] = [
  ["build", ["node", "scripts/build.ts"]],
  ["types", ["tsc", "-p", "tsconfig.json"]],
  ["format and lint", ["biome", "check", "--error-on-warnings", "."]],
  ["type-aware lint", ["oxlint", "--type-aware", "--deny-warnings"]],
  ["generated statements", ["node", "scripts/generate-statements.ts", "--check"]],
  ["generated docs", ["node", "scripts/docs.ts", "--check"]],
  ["dead code", ["knip"]],
  ["package", ["publint", "--strict", "--pack", "false"]],
];
const PROJECTS = ["unit", "contract", "cli", "integration", "faults"];

function run(words: readonly string[]): boolean {
  const [command = "", ...rest] = words;
  const { status, error } = spawnSync(command, rest, { cwd: root, env, stdio: "inherit" });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
}

let passed = 0;
let failed = 0;

function check(name: string, words: readonly string[]): boolean {
  console.log(`\n# ${name}`);
  const good = run(words);
  if (!good) {
    failed += 1;
    console.log(`# ${name}: failed`);
  }
  return good;
}

function suite(name: string): void {
  console.log(`\n# ${name} tests`);
  const file = join(scratch, `${name}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  const good = run(["vitest", "run", "--project", name, "--passWithNoTests", ...reporters]);
  const report: Partial<Report> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  passed += report.numPassedTests ?? 0;
  const failures = report.numFailedTests ?? 0;
  // A file that cannot be loaded has no tests, and an unhandled error fails the run without failing a test.
  failed += good ? failures : Math.max(1, failures);
}

const [build, ...checks] = CHECKS;
if (build && check(...build)) {
  for (const [name, words] of checks) check(name, words);
  if (ensureEngines()) for (const name of PROJECTS) suite(name);
  else failed += 1;
}
rmSync(scratch, { recursive: true, force: true });
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
