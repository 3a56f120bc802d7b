/**
 * Figures of sagas on an SQLite file and on MariaDB beside the database's own commits in the same run; servers on one
 * processor, dcs on another. Prints tables, then one line of JSON. `--only sqlite|mariadb`, `--figure NAME`, `--rounds N` (5).
 */
import { parseArgs } from "node:util";
import { type BenchDatabase, openMariaDb, openSqlite } from "./saga-database.ts";
import { claimLatency, commitsOfRun, latencyOfStep, throughput, wholeRuns } from "./saga-figures.ts";
import { type NoOps, openNoOps } from "./saga-lab.ts";
import { canPin, pin, print } from "./support.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    figure: { type: "string" },
    rounds: { type: "string", default: "5" },
  },
});
const rounds = Number(values.rounds);
const wants = (figure: string) => values.figure === undefined || values.figure === figure;

async function measure(database: BenchDatabase, noOps: NoOps) {
  const on = `ON ${database.name.toUpperCase()}`;
  const figures: Record<string, unknown> = {};
  if (wants("commits")) {
    const rows = [];
    for (const steps of [1, 5, 10]) rows.push(await commitsOfRun(database, noOps, steps));
    print(
      [`COMMITS OF ONE RUN ${on}`, "COMMITS", "TARGET", "COMMIT STATEMENTS"],
      rows.map(({ steps, commits, statements }) => [
        `${steps} steps`,
        commits.toFixed(2),
        String(steps + 1),
        statements?.toFixed(2) ?? "",
      ]),
    );
    figures["commits"] = rows;
  }
  if (wants("latency")) {
    const row = await latencyOfStep(database, noOps, rounds);
    print(
      [`ONE STEP OVER HTTP ${on}`, "COMMIT MS", "BARE CALL MS", "STEP MS", "ADDED / COMMIT", "TARGET"],
      [
        [
          "median",
          ...[row.commitMs, row.callMs, row.stepMs, row.ratio].map((value) => value.toFixed(2)),
          "<= 2",
        ],
      ],
    );
    figures["latency"] = row;
  }
  if (wants("throughput")) {
    const rows = [];
    for (const kind of ["http", "module"] as const)
      rows.push(await throughput(database, noOps, kind, rounds));
    print(
      [`64 RUNS IN FLIGHT ${on}`, "COMMITS/S", "STEPS/S", "RATIO", "TARGET", "CPU µS/STEP"],
      rows.map(({ kind, commitsPerSecond, stepsPerSecond, ratio, cpuMicros }) => [
        kind,
        commitsPerSecond.toFixed(0),
        stepsPerSecond.toFixed(0),
        ratio.toFixed(2),
        ">= 2",
        cpuMicros.toFixed(0),
      ]),
    );
    figures["throughput"] = rows;
  }
  if (wants("process")) {
    const rows = await wholeRuns(database, noOps, rounds * 3);
    print(
      [`WHOLE PROCESS ${on}`, "MEDIAN MS", "RATIO"],
      rows.map(({ name, ms, ratio }) => [name, ms.toFixed(1), ratio.toFixed(2)]),
    );
    figures["processes"] = rows;
  }
  if (wants("claim")) {
    const row = await claimLatency(database, noOps);
    print(
      [`CLAIM AMONG ${row.finished} FINISHED AND ${row.live} LIVE ${on}`, "MEDIAN MS"],
      [
        ["one of many", row.oneMs.toFixed(2)],
        ["64 of many", row.sixtyFourMs.toFixed(2)],
        ["none is due", row.noneMs.toFixed(2)],
      ],
    );
    figures["claim"] = row;
  }
  return figures;
}

pin(process.pid, 1);
using noOps = await openNoOps();
const databases: Record<string, unknown> = {};
for (const [name, open] of [
  ["sqlite", openSqlite],
  ["mariadb", openMariaDb],
] as const) {
  if (values.only !== undefined && values.only !== name) continue;
  await using database = await open();
  databases[name] = await measure(database, noOps);
}
console.log(JSON.stringify({ bench: "saga", node: process.version, pinned: canPin, rounds, ...databases }));
