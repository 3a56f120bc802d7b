/**
 * Figures of `dcs bench` beside wrk, hey and autocannon in the same run, on nginx.
 *
 *   node bench/bench.ts [--rounds 5] [--seconds 5] [--connections 64] [--only max,rate,stall,start]
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startKnownServer } from "../test/support/known-server.ts";
import { startNginx } from "./nginx.ts";
import { interleaved, print } from "./support.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    connections: { type: "string", default: "64" },
    only: { type: "string", default: "max,rate,stall,start" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const connections = Number(values.connections);
const chosen = new Set(values.only.split(","));
const DCS = fileURLToPath(new URL("../bin/dcs.js", import.meta.url));

interface DcsResult {
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly rate: { readonly achieved: number };
  readonly latencyMs: { readonly p50: number; readonly p99: number };
  readonly pacerLagMs: { readonly p99: number } | null;
  readonly utilisation: number;
}

/** What a program prints; it is none of this process's, so that nothing of it is shared. */
async function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await once(child, "close");
  return text;
}

async function dcs(...args: readonly string[]): Promise<DcsResult> {
  const document = JSON.parse(await output(process.execPath, [DCS, "bench", ...args, "--json"])) as {
    readonly data?: DcsResult;
    readonly error?: { readonly message: string; readonly data?: DcsResult };
  };
  const result = document.data ?? document.error?.data;
  if (result === undefined) throw new Error(JSON.stringify(document));
  return result;
}

const CANNON = fileURLToPath(import.meta.resolve("autocannon"));

async function cannon(...args: readonly string[]): Promise<{ readonly rate: number; readonly p99: number }> {
  const text = await output(process.execPath, [CANNON, "--json", "--no-progress", ...args]);
  const { requests, duration, latency } = JSON.parse(text.slice(text.indexOf("{"))) as {
    readonly requests: { readonly total: number };
    readonly duration: number;
    readonly latency: { readonly p99: number };
  };
  return { rate: requests.total / duration, p99: latency.p99 };
}

async function wrk(url: string): Promise<number> {
  const text = await output("wrk", ["-t1", `-c${connections}`, `-d${seconds}s`, url]);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
}

async function hey(url: string): Promise<number> {
  const text = await output("hey", ["-c", String(connections), "-z", `${seconds}s`, "-cpus", "1", url]);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
}

function installed(program: string): boolean {
  return spawnSync("which", [program]).status === 0;
}

const count = (value: number) => Math.round(value).toLocaleString("en");

async function maxMode(url: string): Promise<number> {
  const load = ["-c", String(connections), "-d", String(seconds)];
  const ours = ["-c", String(connections), "-d", `${seconds}s`, "--warmup", "0", "--workers", "1"];
  const figures = await interleaved(rounds, [
    { name: "autocannon", run: async () => (await cannon(...load, url)).rate },
    { name: "dcs bench", run: async () => (await dcs(url, ...ours)).rate.achieved },
    ...(installed("wrk") ? [{ name: "wrk -t1", run: () => wrk(url) }] : []),
    ...(installed("hey") ? [{ name: "hey -cpus 1", run: () => hey(url) }] : []),
  ]);
  const base = figures.get("autocannon") ?? Number.NaN;
  print(
    [`MAX MODE, ${connections} CONNECTIONS`, "REQUESTS/S", "× AUTOCANNON"],
    [...figures].map(([name, rate]) => [name, count(rate), (rate / base).toFixed(2)]),
  );
  return base;
}

/** The highest rate that is not INVALID, with one worker. */
async function rateMode(url: string, base: number): Promise<void> {
  const rows: string[][] = [];
  let best = 0;
  for (const share of [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1]) {
    const rate = Math.round(base * share);
    const result = await dcs(
      url,
      "--rate",
      String(rate),
      "-d",
      `${seconds}s`,
      "--workers",
      "1",
      "--warmup",
      "1s",
    );
    const { verdict, reasons, latencyMs, pacerLagMs, utilisation } = result;
    if (verdict === "PASS") best = share;
    rows.push([
      `${share.toFixed(2)} × autocannon, ${count(rate)}/s`,
      count(result.rate.achieved),
      verdict,
      `${latencyMs.p50.toFixed(2)} / ${latencyMs.p99.toFixed(2)}`,
      (pacerLagMs?.p99 ?? 0).toFixed(2),
      utilisation.toFixed(2),
      verdict === "PASS" ? "" : (reasons[0] ?? "").slice(0, 60),
    ]);
  }
  print(["RATE MODE, 1 WORKER", "ACHIEVED", "VERDICT", "P50 / P99 MS", "LAG P99 MS", "BUSY", "WHY"], rows);
  console.log(`sustained before INVALID: ${best.toFixed(2)} × autocannon's closed loop\n`);
}

async function stalling(): Promise<void> {
  await using server = await startKnownServer();
  const url = `${server.origin}/stall?ms=200&every=1000`;
  const ours = await dcs(url, "--rate", "1000", "-d", `${seconds}s`, "--warmup", "1s");
  const theirs = await cannon("-R", "1000", "-c", "64", "-d", String(seconds), url);
  print(
    ["A SERVER THAT STALLS 200 MS EACH SECOND, AT 1000/S", "P99 MS"],
    [
      ["truth", "190"],
      ["dcs bench --rate 1000", ours.latencyMs.p99.toFixed(1)],
      ["autocannon -R 1000", theirs.p99.toFixed(1)],
    ],
  );
}

/** From the start of the process to the first request that is counted, and to the probe. */
async function starting(): Promise<void> {
  const rows: string[][] = [];
  for (const [name, args] of [
    ["max mode", []],
    ["rate mode", ["--rate", "200"]],
  ] as const) {
    const probes: number[] = [];
    const firsts: number[] = [];
    for (let round = 0; round < Math.max(rounds, 5); round++) {
      const at: number[] = [];
      const server = createServer((_request, response) => {
        at.push(performance.now());
        response.end("ok");
      });
      await once(server.listen(0, "127.0.0.1"), "listening");
      const begin = performance.now();
      await dcs(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, "-n", "20", ...args);
      server.close();
      probes.push((at[0] ?? Number.NaN) - begin);
      firsts.push((at[1] ?? Number.NaN) - begin);
    }
    const median = (all: readonly number[]) => all.toSorted((a, b) => a - b)[all.length >> 1] ?? Number.NaN;
    rows.push([name, median(probes).toFixed(0), median(firsts).toFixed(0)]);
  }
  print(["START OF THE PROCESS TO", "PROBE, MS", "FIRST REQUEST, MS"], rows);
}

if (chosen.has("max") || chosen.has("rate")) {
  await using nginx = await startNginx();
  // The first run of anything pays for cold caches.
  await cannon("-c", String(connections), "-d", "1", nginx.url);
  const base = chosen.has("max")
    ? await maxMode(nginx.url)
    : (await cannon("-c", String(connections), "-d", String(seconds), nginx.url)).rate;
  if (chosen.has("rate")) await rateMode(nginx.url, base);
}
if (chosen.has("stall")) await stalling();
if (chosen.has("start")) await starting();
