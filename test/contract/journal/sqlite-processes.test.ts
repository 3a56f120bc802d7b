import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openSqliteJournal } from "../../../src/core/saga/journal/sqlite/sqlite-journal.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { runProcess } from "../../support/cli.ts";
import { newRun } from "./journal-harness.ts";

const RUNS = 300;
const PROCESSES = 4;

const ROOT = new URL("../../../src/core/", import.meta.url).href;

/** Claims and ends runs until there are none, and prints their ids. */
const WORKER = `
  const { openSqliteJournal } = await import(${JSON.stringify(`${ROOT}saga/journal/sqlite/sqlite-journal.ts`)});
  const { systemClock } = await import(${JSON.stringify(`${ROOT}util/clock.ts`)});
  const { randomHex } = await import(${JSON.stringify(`${ROOT}util/ids.ts`)});
  const [path, owner] = process.argv.slice(1);
  const lease = { owner, leaseMs: 60_000 };
  await using journal = await openSqliteJournal(path, { timeoutMs: 20_000, clock: systemClock });
  for (;;) {
    const { runs } = await journal.claim({ ...lease, limit: 5 });
    if (runs.length === 0) break;
    // Each by itself, so that transactions of one process meet those of the others.
    const committed = await Promise.all(runs.map(async ({ state, epoch, seq }) => {
      const change = { runId: state.runId, epoch, seq, txid: randomHex(16), calls: [], events: [{ type: "completed" }] };
      const done = { ...change, state: { ...state, status: "completed" }, due: { kind: "ended" }, takenUp: null };
      return journal.commit([done], lease);
    }));
    for (const [index, { results }] of committed.entries()) console.log(runs[index].state.runId, results[0]);
  }
`;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "dcs-journal-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

it("workers of several processes never share a run, and lose none", async () => {
  const path = join(dir, "journal.db");
  await using journal = await openSqliteJournal(path, { timeoutMs: 20_000, clock: systemClock });
  const ids = await Promise.all(
    Array.from({ length: RUNS }, async () => {
      const run = newRun();
      await journal.create(run);
      return run.state.runId;
    }),
  );
  const workers = await Promise.all(
    Array.from({ length: PROCESSES }, (_, index) =>
      runProcess([process.execPath, "--input-type=module", "-e", WORKER, path, `worker-${index}`]),
    ),
  );
  expect(workers.map(({ code, stderr }) => [code, stderr])).toEqual(workers.map(() => [0, ""]));
  const lines = workers.flatMap(({ stdout }) => stdout.trim().split("\n").filter(Boolean));
  expect(lines.toSorted()).toEqual(ids.map((id) => `${id} held`).toSorted());
  expect(await journal.counts()).toEqual({ completed: RUNS });
  const records = await journal.runs({ limit: RUNS });
  expect(new Set(records.map(({ epoch, seq }) => `${epoch} ${seq}`))).toEqual(new Set(["1 2"]));
});
