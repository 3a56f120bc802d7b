/**
 * Figures of the locks on the embedded store beside their peers in the same run: cycles in one process, hand-off between
 * processes, whole processes. Prints tables, then one line of JSON. `--seconds N` for each hand-off (5).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import lockfile from "proper-lockfile";
import { openLocks } from "../src/core/lock/open-locks.ts";
import { currentHolder } from "../src/core/process/identity.ts";
import { perSecond, print, quantile, wholeProcesses } from "./support.ts";

const CONTENDER = fileURLToPath(new URL("lock-contender.ts", import.meta.url));
const DCS = fileURLToPath(new URL("../bin/dcs.js", import.meta.url));
const option = process.argv.indexOf("--seconds");
const SECONDS = option < 0 ? 5 : Number(process.argv[option + 1]);
const CYCLES = 10_000;

const dir = mkdtempSync(join(tmpdir(), "dcs-bench-"));

/** Acquire and release in this process, `concurrency` loops each on a lock of its own; cycles a second. */
async function dcsCycles(concurrency: number): Promise<number> {
  await using locks = await openLocks({ url: `embedded:${dir}/c.db`, timeoutMs: 10_000, stateDir: dir });
  const holder = currentHolder();
  return await perSecond(CYCLES, concurrency, async (worker) => {
    const name = `lock-${worker}`;
    const hold = await locks.acquire({ name, ttlMs: 30_000, waitMs: 0, holder, detached: false });
    await locks.release(name, hold.token);
  });
}

function properLockfileCycles(): Promise<number> {
  return perSecond(CYCLES / 10, 1, async () => (await lockfile.lock(`${dir}/p`, { realpath: false }))());
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
  const processes = wholeProcesses(
    [
      ["node -e 0", [process.execPath, "-e", "0"]],
      ["flock FILE true", ["flock", join(dir, "flock"), "true"]],
      [
        "dcs lock acquire",
        [process.execPath, DCS, "lock", "acquire", "x", "--ttl", "100ms", "--wait", "5s", "-q"],
      ],
      ["dcs lock acquire -- true", [process.execPath, DCS, "lock", "acquire", "y", "--", "true"]],
    ],
    { PATH: process.env["PATH"], HOME: dir, DCS_STATE_DIR: join(dir, "state") },
  );
  const base = processes[0]?.ms ?? Number.NaN;
  print(
    ["WHOLE PROCESS", "MEDIAN MS", "RATIO"],
    processes.map((row) => [row.name, row.ms.toFixed(1), (row.ms / base).toFixed(2)]),
  );
  console.log(JSON.stringify({ bench: "lock-embedded", node: process.version, cycles, handOffs, processes }));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
