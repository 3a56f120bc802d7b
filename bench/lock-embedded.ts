/**
 * Figures of the locks on the embedded store beside their peers in the same run: cycles in one process, hand-off between
 * processes, whole processes. Prints tables, then one line of JSON. `--seconds N` for each hand-off (5).
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import lockfile from "proper-lockfile";
import { layoutTable } from "../src/cli/text.ts";
import { openLocks } from "../src/core/lock/open-locks.ts";
import { currentHolder } from "../src/core/process/identity.ts";

const CONTENDER = fileURLToPath(new URL("lock-contender.ts", import.meta.url));
const DCS = fileURLToPath(new URL("../bin/dcs.js", import.meta.url));
const option = process.argv.indexOf("--seconds");
const SECONDS = option < 0 ? 5 : Number(process.argv[option + 1]);
const CYCLES = 10_000;
const RUNS = 15;

const dir = mkdtempSync(join(tmpdir(), "dcs-bench-"));

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

/** Acquire and release in this process, `concurrency` loops each on a lock of its own; cycles a second. */
async function dcsCycles(concurrency: number): Promise<number> {
  await using locks = await openLocks({ url: `embedded:${dir}/c.db`, timeoutMs: 10_000, stateDir: dir });
  const holder = currentHolder();
  let left = CYCLES;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async (_, i) => {
      const name = `lock-${i}`;
      while (left-- > 0) {
        const hold = await locks.acquire({ name, ttlMs: 30_000, waitMs: 0, holder, detached: false });
        await locks.release(name, hold.token);
      }
    }),
  );
  return CYCLES / ((performance.now() - begin) / 1000);
}

async function properLockfileCycles(): Promise<number> {
  const cycles = CYCLES / 10;
  const begin = performance.now();
  for (let i = 0; i < cycles; i++) await (await lockfile.lock(`${dir}/p`, { realpath: false }))();
  return cycles / ((performance.now() - begin) / 1000);
}

interface HandOff {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly perSecond: number;
  /** The most grants of a process over the fewest. */
  readonly fairness: number;
}

/** Several processes contend for one lock; the time from one's release to the next one's grant. */
async function handOff(peer: string, processes: number): Promise<HandOff> {
  const path = join(dir, `${peer}-${processes}`);
  const children = Array.from({ length: processes }, () =>
    spawn(process.execPath, [CONTENDER, peer, path, String(SECONDS)], { stdio: ["pipe", "pipe", "inherit"] }),
  );
  const outs = await Promise.all(children.map(readyAndOutput));
  for (const child of children) child.stdin.write("go\n");
  const results = await Promise.all(outs.map((out) => out.ended));
  const counts = results.map((holds) => holds.length);
  const all = results.flatMap((holds, who) => holds.map(([from, to]) => ({ from, to, who })));
  all.sort((a, b) => a.from - b.from);
  const delays = all.flatMap((hold, i) => {
    const before = all[i - 1];
    if (before === undefined) return [];
    if (hold.from < before.to) throw new Error(`${peer}: two held the lock at once`);
    return before.who === hold.who ? [] : [hold.from - before.to];
  });
  return {
    p50Ms: quantile(delays, 0.5),
    p99Ms: quantile(delays, 0.99),
    perSecond: all.length / SECONDS,
    fairness: Math.max(...counts) / Math.min(...counts),
  };
}

async function readyAndOutput(child: ChildProcess): Promise<{ ended: Promise<[number, number][]> }> {
  let out = "";
  const ready = Promise.withResolvers<void>();
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    out += chunk;
    if (out.startsWith("ready\n")) ready.resolve();
  });
  const ended = new Promise<[number, number][]>((resolve) => {
    child.once("close", () => resolve(JSON.parse(out.split("\n")[1] ?? "[]")));
  });
  await ready.promise;
  return { ended };
}

/** Median whole-process time of each command, interleaved. */
function wholeProcesses(): readonly { readonly name: string; readonly ms: number }[] {
  const env = { PATH: process.env["PATH"], HOME: dir, DCS_STATE_DIR: join(dir, "state") };
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["node -e 0", [process.execPath, "-e", "0"]],
    ["flock FILE true", ["flock", join(dir, "flock"), "true"]],
    [
      "dcs lock acquire",
      [process.execPath, DCS, "lock", "acquire", "x", "--ttl", "100ms", "--wait", "5s", "-q"],
    ],
    ["dcs lock acquire -- true", [process.execPath, DCS, "lock", "acquire", "y", "--", "true"]],
  ];
  const times = cases.map((): number[] => []);
  for (let run = -2; run < RUNS; run++) {
    for (const [i, [name, [command = "", ...args]]] of cases.entries()) {
      // The lock taken by the run before must have expired, or its wait would be measured.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120);
      const begin = performance.now();
      const { status } = spawnSync(command, args, { env, stdio: "ignore" });
      if (status !== 0) throw new Error(`${name} ended with ${status}`);
      if (run >= 0) times[i]?.push(performance.now() - begin);
    }
  }
  return cases.map(([name], i) => ({ name, ms: quantile(times[i] ?? [], 0.5) }));
}

function print(head: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`${layoutTable({ head, rows }, (text) => text).join("\n")}\n`);
}

try {
  const cycles = [
    { name: "dcs, 1 at a time", perSecond: await dcsCycles(1), target: null },
    { name: "dcs, 10 at a time", perSecond: await dcsCycles(10), target: 10_000 },
    { name: "dcs, 50 at a time", perSecond: await dcsCycles(50), target: 10_000 },
    { name: "proper-lockfile, 1 at a time", perSecond: await properLockfileCycles(), target: null },
  ];
  print(
    ["ACQUIRE + RELEASE, ONE PROCESS", "CYCLES/S", "TARGET"],
    cycles.map((row) => [row.name, row.perSecond.toFixed(0), row.target === null ? "" : `>= ${row.target}`]),
  );
  const handOffs = [
    { name: "dcs, 2 processes", ...(await handOff("dcs", 2)) },
    { name: "dcs, 8 processes", ...(await handOff("dcs", 8)) },
    { name: "proper-lockfile, 8 processes", ...(await handOff("proper-lockfile", 8)) },
  ];
  print(
    ["HAND-OFF BETWEEN PROCESSES", "P50 MS (<= 10)", "P99 MS", "GRANTS/S", "MAX/MIN SHARE (<= 1.5)"],
    handOffs.map((row) => [
      row.name,
      row.p50Ms.toFixed(2),
      row.p99Ms.toFixed(2),
      row.perSecond.toFixed(0),
      row.fairness.toFixed(2),
    ]),
  );
  const processes = wholeProcesses();
  const base = processes[0]?.ms ?? Number.NaN;
  print(
    ["WHOLE PROCESS", "MEDIAN MS", "RATIO"],
    processes.map((row) => [row.name, row.ms.toFixed(1), (row.ms / base).toFixed(2)]),
  );
  console.log(JSON.stringify({ bench: "lock", node: process.version, cycles, handOffs, processes }));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
