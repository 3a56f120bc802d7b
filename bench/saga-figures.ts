/** The figures of sagas on one database. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { UNTOUCHED } from "../src/core/saga/engine/run-state.ts";
import type { LeaseTerms, NewRun } from "../src/core/saga/journal/journal.ts";
import { newRunId } from "../src/core/saga/run/run-id.ts";
import { HttpConnections } from "../src/core/traffic/http-connections.ts";
import { randomHex } from "../src/core/util/ids.ts";
import type { BenchDatabase } from "./saga-database.ts";
import { type Kind, type NoOps, openSagaLab } from "./saga-lab.ts";
import { inFlight, interleaved, perSecond, quantile, wholeProcesses } from "./support.ts";

const DCS = fileURLToPath(new URL("../bin/dcs.js", import.meta.url));
const NO_INPUT = { input: {}, businessKey: null };

/** Commits of one run of so many steps, as the database counted them. */
export async function commitsOfRun(database: BenchDatabase, noOps: NoOps, steps: number) {
  const runs = 20;
  const journal = await database.freshJournal();
  await using lab = await openSagaLab(journal);
  const { read } = await noOps.saga("module", steps);
  // The definition is written down once for all of its runs, and is no part of any.
  await lab.sagas.run(read, NO_INPUT);
  using counting = await database.counting(journal);
  const before = await counting.read();
  for (let run = 0; run < runs; run++) await lab.sagas.run(read, NO_INPUT);
  const after = await counting.read();
  const statements = after.statements === null ? null : (after.statements - (before.statements ?? 0)) / runs;
  return { steps, commits: (after.commits - before.commits) / runs, statements };
}

/** One run at a time: what a step takes beyond the bare call, beside one durable commit; ms. */
export async function latencyOfStep(database: BenchDatabase, noOps: NoOps, rounds: number) {
  const steps = 10;
  await using lab = await openSagaLab(await database.freshJournal());
  await using bare = await HttpConnections.open({ connections: 64, ca: undefined });
  const { read } = await noOps.saga("http", steps);
  const { dispatcher } = bare;
  const peers = [
    { name: "commit", run: () => times(20, steps, () => database.commit()) },
    {
      name: "call",
      run: () =>
        times(20, steps, async () => {
          const headers = { "content-type": "application/json" };
          const { body } = await request(noOps.url, { method: "POST", body: "{}", headers, dispatcher });
          await body.text();
        }),
    },
    {
      name: "step",
      run: async () => (await times(20, 1, () => lab.sagas.run(read, NO_INPUT))) / steps,
    },
  ];
  for (const { run } of peers) await run();
  const ms = await interleaved(rounds, peers);
  const [commit = 0, call = 0, step = 0] = peers.map(({ name }) => ms.get(name));
  return { commitMs: commit, callMs: call, stepMs: step, ratio: (step - call) / commit };
}

/** One worker process with 64 runs in flight beside one connection that commits; a second. */
export async function throughput(database: BenchDatabase, noOps: NoOps, kind: Kind, rounds: number) {
  const [steps, runs] = [5, 512];
  await using lab = await openSagaLab(await database.freshJournal());
  const { read } = await noOps.saga(kind, steps);
  const cpu: number[] = [];
  const work = async (count: number) => {
    await inFlight(64, Array.from({ length: count }), () => lab.sagas.start(read, NO_INPUT));
    let ended = 0;
    const worker = await lab.sagas.worker({
      ...{ concurrency: 64, pollMs: 1000, untilIdle: true },
      onEvent: ({ type }) => {
        if (type === "ended") ended++;
      },
    });
    const used = process.cpuUsage();
    const begin = performance.now();
    await worker.work(new AbortController().signal);
    const took = performance.now() - begin;
    const { user, system } = process.cpuUsage(used);
    cpu.push((user + system) / (count * steps));
    if (ended !== count) throw new Error(`${ended} of ${count} runs have ended`);
    return (count * steps) / (took / 1000);
  };
  await work(64);
  const rates = await interleaved(rounds, [
    { name: "commits", run: () => perSecond(500, 1, () => database.commit()) },
    { name: "steps", run: () => work(runs) },
  ]);
  const [commits = Number.NaN, each = Number.NaN] = ["commits", "steps"].map((name) => rates.get(name));
  return {
    kind,
    commitsPerSecond: commits,
    stepsPerSecond: each,
    ratio: each / commits,
    cpuMicros: quantile(cpu, 0.5),
  };
}

/** A whole process that runs a saga of one step. */
export async function wholeRuns(database: BenchDatabase, noOps: NoOps, runs: number) {
  const home = mkdtempSync(join(tmpdir(), "dcs-bench-"));
  try {
    const journal = await database.freshJournal();
    const env = { PATH: process.env["PATH"], HOME: home, DCS_STATE_DIR: home, DCS_JOURNAL: journal };
    const run = async (kind: Kind) => {
      const { path } = await noOps.saga(kind, 1);
      return [`dcs saga run, one step, ${kind}`, [process.execPath, DCS, "saga", "run", path]] as const;
    };
    const rows = wholeProcesses(
      [["node -e 0", [process.execPath, "-e", "0"]], await run("module"), await run("http")],
      env,
      runs,
    );
    const base = rows[0]?.ms ?? Number.NaN;
    return rows.map((row) => ({ ...row, ratio: row.ms / base }));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** Looks for due runs in a journal that has grown: medians, ms. */
export async function claimLatency(database: BenchDatabase, noOps: NoOps) {
  const [finished, live] = [10_000, 1000];
  await using lab = await openSagaLab(await database.freshJournal());
  const { journal, sagas } = lab;
  const { read } = await noOps.saga("module", 3);
  await inFlight(64, Array.from({ length: finished }), () => journal.create(finishedRun(read.hash)));
  await inFlight(64, Array.from({ length: live }), () => sagas.start(read, NO_INPUT));
  const lease: LeaseTerms = { owner: "bench", leaseMs: 3_600_000 };
  const look = async (looks: number, limit: number) => {
    const took: number[] = [];
    for (let i = 0; i < looks; i++) {
      const begin = performance.now();
      const { runs } = await journal.claim({ ...lease, limit });
      took.push(performance.now() - begin);
      if (runs.length > limit) throw new Error("more runs than were asked for");
    }
    return quantile(took, 0.5);
  };
  const oneMs = await look(100, 1);
  const manyMs = await look(10, 64);
  const { runs } = await journal.claim({ ...lease, limit: live });
  if (runs.length !== live - 100 - 640) throw new Error(`${runs.length} runs were left to be claimed`);
  return { finished, live, oneMs, sixtyFourMs: manyMs, noneMs: await look(200, 64) };
}

function finishedRun(defHash: string): NewRun {
  const runId = newRunId(Date.now());
  const steps = { s1: { do: UNTOUCHED, undo: UNTOUCHED } };
  const calls = (["do", "undo"] as const).map((direction) => {
    return { step: "s1", direction, key: randomHex(16), inputHash: null, isOwn: direction === "do" };
  });
  return {
    state: {
      ...{ runId, rootId: runId, parentRun: null, defHash, status: "completed", direction: "do" },
      ...{ input: {}, cause: null, steps },
    },
    ...{ saga: "module-3", businessKey: null, txid: randomHex(16), calls },
    ...{ events: [{ type: "completed" }], lease: null, audit: null },
  };
}

/**
 * Median time of so many rows of calls, of one call; ms. Rows as long as a run are compared with runs: where a few calls take
 * ten times as long as the others, the median call says little of them.
 */
async function times(rows: number, calls: number, each: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let row = 0; row < rows; row++) {
    const begin = performance.now();
    for (let call = 0; call < calls; call++) await each();
    took.push((performance.now() - begin) / calls);
  }
  return quantile(took, 0.5);
}
