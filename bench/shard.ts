/**
 * Figures of shards on a MariaDB of its own, beside `mariadb-dump | mariadb` and `pt-archiver --bulk-insert` in the same run. Prints
 * tables, then one line of JSON. `--rows N` (1000000), `--rounds N` (3), `--figure copy|memory|triggers`.
 */
import { parseArgs } from "node:util";
import { compareCopies, copyOnce } from "./shard/copy.ts";
import { openLab } from "./shard/lab.ts";
import { triggerCost } from "./shard/triggers.ts";
import { print } from "./support.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "3" },
    figure: { type: "string" },
  },
});
const rows = Number(values.rows);
const rounds = Number(values.rounds);
const wants = (figure: string) => values.figure === undefined || values.figure === figure;
const figures: Record<string, unknown> = {};

if (wants("memory")) {
  const few = Math.ceil(rows / 10);
  await using lab = await openLab(few);
  figures["memoryMb"] = { [few]: (await copyOnce(lab)).rssMb };
}
{
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
console.log(JSON.stringify({ bench: "shard", node: process.version, rounds, ...figures }));
