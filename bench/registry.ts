import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { layoutTable } from "../src/cli/text.ts";

/**
 * Whole-process figures of the registry on the embedded store: 10,000 instances from one file until `registered`,
 * listed, resolved, watched, deregistered by SIGTERM. Medians of several runs; `node -e 0` in the same run as the peer.
 * `DCS_BENCH_BIN` takes another bin, `DCS_BENCH_ROUNDS` another number of rounds.
 */
const BIN = process.env["DCS_BENCH_BIN"] ?? fileURLToPath(new URL("../bin/dcs.js", import.meta.url));
const ROUNDS = Number(process.env["DCS_BENCH_ROUNDS"] ?? 5);
const COUNT = 10_000;

interface Figure {
  readonly name: string;
  readonly limitMs: number | null;
  readonly samples: number[];
}

const figures = new Map<string, Figure>();

function note(name: string, ms: number, limitMs: number | null = null): void {
  const figure = figures.get(name) ?? { name, limitMs, samples: [] };
  figure.samples.push(ms);
  figures.set(name, figure);
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
}

interface Run {
  /** Milliseconds from the start until stdout held `marker`. */
  readonly seen: Promise<number>;
  readonly ended: Promise<{ readonly ms: number; readonly stdout: string; readonly code: number | null }>;
  kill(): void;
}

function start(args: readonly string[], env: NodeJS.ProcessEnv, marker = "\n"): Run {
  const began = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  const seen = Promise.withResolvers<number>();
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
    if (stdout.includes(marker)) seen.resolve(performance.now() - began);
  });
  const ended = new Promise<{ ms: number; stdout: string; code: number | null }>((resolve) => {
    child.once("close", (code) => {
      seen.resolve(Number.NaN);
      resolve({ ms: performance.now() - began, stdout, code });
    });
  });
  return { seen: seen.promise, ended, kill: () => child.kill("SIGTERM") };
}

function instances(): readonly object[] {
  return Array.from({ length: COUNT }, (_, n) => ({
    service: `service-${n % 50}`,
    endpoint: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:8080`,
    weight: 1 + (n % 5),
    version: "1.4.2",
    zone: `zone-${n % 3}`,
    tags: ["bench", `n${n % 10}`],
  }));
}

function asYaml(items: readonly object[]): string {
  const line = (item: object) =>
    Object.entries(item)
      .map(([key, value], at) => `${at === 0 ? "  - " : "    "}${key}: ${JSON.stringify(value)}`)
      .join("\n");
  return `instances:\n${items.map(line).join("\n")}\n`;
}

async function round(dir: string, file: string, kind: string): Promise<void> {
  const env = { ...process.env, HOME: dir, DCS_STATE_DIR: join(dir, `state-${kind}-${Math.random()}`) };
  note("node -e 0", (await start(["-e", "0"], env).ended).ms);
  const registrant = start([BIN, "register", "--file", file, "--json"], env, '"event":"registered"');
  note(`register ${COUNT} from ${kind}`, await registrant.seen, 1000);
  const listed = await start([BIN, "services", "--json"], env).ended;
  note(`services --json, ${COUNT}`, listed.ms, 1000);
  const found = listed.stdout.match(/"id":/g)?.length ?? 0;
  if (found !== COUNT) throw new Error(`${found} instances listed instead of ${COUNT}`);
  note(`services (table), ${COUNT}`, (await start([BIN, "services"], env).ended).ms, 1000);
  note(`resolve service-7 of ${COUNT}`, (await start([BIN, "resolve", "service-7"], env).ended).ms);
  const began = performance.now();
  registrant.kill();
  const { code } = await registrant.ended;
  if (code !== 0) throw new Error(`the registrant ended with ${code}`);
  note("deregister all by SIGTERM", performance.now() - began, 1000);
}

async function main(): Promise<void> {
  if (!existsSync(BIN)) throw new Error(`${BIN} is missing: npm run build`);
  const dir = await mkdtemp(join(tmpdir(), "dcs-bench-"));
  try {
    const items = instances();
    await writeFile(join(dir, "instances.json"), JSON.stringify({ instances: items }));
    await writeFile(join(dir, "instances.yaml"), asYaml(items));
    for (let n = 0; n < ROUNDS; n++) {
      await round(dir, join(dir, "instances.json"), "json");
      await round(dir, join(dir, "instances.yaml"), "yaml");
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  const base = median(figures.get("node -e 0")?.samples ?? []);
  const rows = [...figures.values()].map(({ name, limitMs, samples }) => {
    const ms = median(samples);
    return {
      name,
      medianMs: ms,
      maxMs: Math.max(...samples),
      limitMs,
      ratio: ms / base,
      ok: limitMs === null || ms <= limitMs,
    };
  });
  const table = layoutTable({
    head: ["FIGURE", "MEDIAN", "MAX", "LIMIT", "× node -e 0", "OK"],
    rows: rows.map((row) => [
      row.name,
      `${row.medianMs.toFixed(0)} ms`,
      `${row.maxMs.toFixed(0)} ms`,
      row.limitMs === null ? "-" : `${row.limitMs} ms`,
      row.ratio.toFixed(1),
      row.ok ? "yes" : "NO",
    ]),
  });
  process.stdout.write(`${table.join("\n")}\n`);
  process.stdout.write(
    `${JSON.stringify({ bench: "registry", rounds: ROUNDS, count: COUNT, figures: rows })}\n`,
  );
  if (rows.some((row) => !row.ok)) process.exitCode = 99;
}

await main();
