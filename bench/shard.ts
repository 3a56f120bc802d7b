/**
 * Figures of shards on a MariaDB of its own, beside `mariadb-dump | mariadb` and `pt-archiver --bulk-insert` in the same run. Prints
 * tables, then one line of JSON. `--rows N` (1000000), `--rounds N` (3), `--figure copy|memory|triggers|pause`, `--store URL` (for
 * pauses; one of their own otherwise).
 */
import { parseArgs } from "node:util";
import { compareCopies, copyOnce } from "./shard/copy.ts";
import { openLab } from "./shard/lab.ts";
import { type Latency, PAUSE_BUCKETS, pauses } from "./shard/pause.ts";
import { triggerCost } from "./shard/triggers.ts";
import { print } from "./support.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
    figure: { type: "string" },
    store: { type: "string" },
  },
});
const rows = Number(values.rows);
const rounds = Number(values.rounds);
const wants = (...of: readonly string[]) => values.figure === undefined || of.includes(values.figure);
/** Rows that are there while buckets move. */
const PAUSE_ROWS = 200_000;
const figures: Record<string, unknown> = {};

if (wants("memory")) {
  const few = Math.ceil(rows / 10);
  await using lab = await openLab(few);
  figures["memoryMb"] = { [few]: (await copyOnce(lab)).rssMb };
}
if (wants("memory", "copy", "triggers")) {
  await using lab = await openLab(rows);
  if (wants("memory")) {
    const memory = figures["memoryMb"] as Record<string, number>;
    memory[rows] = (await copyOnce(lab)).rssMb;
    print(
      ["MEMORY OF A COPY", "RSS MIB", "TARGET"],
      Object.entries(memory).map(([of, mb]) => [`${of} rows`, mb.toFixed(0), "<= 200"]),
    );
  }
  if (wants("copy")) {
    const copy = await compareCopies(lab, rounds);
    const targets: Readonly<Record<string, readonly [ratio: number | null, target: string]>> = {
      "pt-archiver --bulk-insert": [copy.toArchiver, ">= 1.5"],
      "mariadb-dump | mariadb": [copy.toDump, ">= 1.0"],
    };
    print(
      [`COPY OF ${rows} ROWS`, "ROWS/S", "DCS IS … TIMES THAT", "TARGET"],
      Object.entries(copy.rowsPerSecond).map(([name, speed]) => {
        const [ratio = null, target = ""] = targets[name] ?? [];
        return [name, speed.toFixed(0), ratio?.toFixed(2) ?? "", target];
      }),
    );
    figures["copy"] = copy;
  }
  if (wants("triggers")) {
    const cost = await triggerCost(lab, rounds * 2);
    print(
      ["TRIGGERS OF AN IDLE BUCKET", "µS/ROW", "TARGET"],
      Object.entries(cost).map(([name, micros]) => [name, micros.toFixed(1), "<= 10"]),
    );
    figures["triggers"] = cost;
  }
}
if (wants("pause")) {
  await using lab = await openLab(Math.min(rows, PAUSE_ROWS), PAUSE_BUCKETS);
  const figure = await pauses(lab, rounds, values.store);
  const { moves, cutsAgain, failedWrites, ...latencies } = figure;
  const told: Readonly<Record<keyof typeof latencies, readonly [name: string, target: string]>> = {
    quiet: ["all buckets, while nothing moves", ""],
    others: ["writes to other buckets, while one moves", ""],
    othersAtCuts: ["… of these, under way during a cut", "as quiet"],
    beside: ["writes to the moving bucket, not in its cut", ""],
    felt: ["longest wait of each cut", "p50 <= 50, p99 <= 200"],
    held: ["writes to the moving bucket, in its cut", ""],
    measured: ["pause, measured by the mover", ""],
    predicted: ["pause, predicted by the mover", ""],
  };
  print(
    [
      `500 WRITES/S, ${moves} MOVES, ${cutsAgain} CUTS AGAIN, ${failedWrites} FAILED`,
      ...["COUNT", "P50 MS", "P99 MS", "MAX MS", "TARGET"],
    ],
    Object.entries(told).map(([key, [name, target]]) => {
      const { count, p50Ms, p99Ms, maxMs }: Latency = latencies[key as keyof typeof latencies];
      return [name, String(count), p50Ms.toFixed(1), p99Ms.toFixed(1), maxMs.toFixed(1), target];
    }),
  );
  figures["pause"] = figure;
}
console.log(JSON.stringify({ bench: "shard", node: process.version, rounds, ...figures }));
