/**
 * Whole-process start-up: medians of interleaved runs and their ratio to `node -e 0` in the same run, on one CPU where
 * taskset is at hand. Prints a table, then the same as one line of JSON. `--runs N` (31).
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Case {
  readonly name: string;
  /** Words after `node`; `run` makes names that must differ from run to run. */
  readonly words: (run: number) => readonly string[];
  /** The ratio to reach; null for yardsticks. */
  readonly target: number | null;
}

const dcs = fileURLToPath(new URL("../bin/dcs.js", import.meta.url));
const CASES: readonly Case[] = [
  { name: "node -e 0", words: () => ["-e", "0"], target: null },
  { name: "dcs --help", words: () => [dcs, "--help"], target: 3 },
  { name: "dcs config show", words: () => [dcs, "config", "show"], target: 3 },
  {
    name: "dcs lock acquire",
    words: (run) => [dcs, "lock", "acquire", `bench-${run}`, "--ttl", "1s", "--quiet"],
    target: 3.2,
  },
];

const WARM_UP = 3;
const option = process.argv.indexOf("--runs");
const runs = option < 0 ? 31 : Number(process.argv[option + 1]);
const home = mkdtempSync(join(tmpdir(), "dcs-startup-"));
const env = { PATH: process.env["PATH"], HOME: home, DCS_STATE_DIR: join(home, "state") };
const pin = spawnSync("taskset", ["-c", "1", "true"]).status === 0 && availableParallelism() > 1;

function once(words: readonly string[]): number {
  const [command = "", ...rest] = [...(pin ? ["taskset", "-c", "1"] : []), process.execPath, ...words];
  const begin = performance.now();
  const { status, stderr } = spawnSync(command, rest, { env, encoding: "utf8" });
  const took = performance.now() - begin;
  if (status !== 0) throw new Error(`${words.join(" ")} ended with ${status}: ${stderr}`);
  return took;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const times = new Map<string, number[]>(CASES.map(({ name }) => [name, []]));
try {
  for (let run = 0; run < WARM_UP + runs; run++) {
    for (const { name, words } of CASES) {
      const took = once(words(run));
      if (run >= WARM_UP) times.get(name)?.push(took);
    }
  }
} finally {
  rmSync(home, { recursive: true, force: true });
}

const base = median(times.get("node -e 0") ?? []);
const rows = CASES.map(({ name, target }) => {
  const medianMs = median(times.get(name) ?? []);
  return { name, medianMs, ratio: medianMs / base, target };
});
console.log(
  `${"command".padEnd(20)}${"median ms".padStart(10)}${"ratio".padStart(8)}${"target".padStart(8)}`,
);
for (const { name, medianMs, ratio, target } of rows) {
  const goal = target === null ? "" : `<= ${target}`;
  console.log(
    `${name.padEnd(20)}${medianMs.toFixed(1).padStart(10)}${ratio.toFixed(2).padStart(8)}${goal.padStart(8)}`,
  );
}
console.log(JSON.stringify({ bench: "startup", node: process.version, runs, pinned: pin, rows }));
