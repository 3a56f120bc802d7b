import { toBytes } from "../../mysql/mysql-connection.ts";
import { fill, listOf } from "../../mysql/sql-text.ts";
import { type RowKey, type Sides, tableOf } from "./apply-keys.ts";
import type { MoverSession } from "./mover-session.ts";
import { SQL } from "./statements.generated.ts";

/** `missing` at the target, `extra` there, or `changed`. */
export interface Difference extends RowKey {
  readonly kind: "missing" | "extra" | "changed";
}

export interface Compare extends Sides {
  /** Brings the target up to date with the log: called before rows are compared. Nobody else may apply meanwhile. */
  readonly drain: () => Promise<void>;
  /** During the cut: the session that has the log as it is now. */
  readonly fence?: MoverSession;
}

const MOST_KEYS = 500;
/** Somebody may change a row each time that it is looked at. */
const TRIES = 20;

/**
 * Compares rows by their keys while applications write. A difference is one when the row is not in the log: both are read in one
 * snapshot of the source, and nothing is applied until the target is read.
 */
export async function compareKeys(
  sides: Compare,
  keys: readonly RowKey[],
): Promise<{ readonly differences: readonly Difference[]; readonly unsettled: readonly RowKey[] }> {
  const differences: Difference[] = [];
  let left: readonly RowKey[] = keys;
  for (let tried = 0; left.length > 0 && tried < TRIES; tried++) {
    await sides.drain();
    const again: RowKey[] = [];
    for (const [name, ofTable] of Map.groupBy(left, (key) => key.table)) {
      for (let from = 0; from < ofTable.length; from += MOST_KEYS) {
        const some = ofTable.slice(from, from + MOST_KEYS);
        const { source, target, logged } = await digestsOf(sides, name, some);
        for (const key of some) {
          const [here = null, there = null] = [source.get(key.pk), target.get(key.pk)];
          if (here === there) continue;
          if (logged.has(key.pk)) again.push(key);
          else differences.push({ ...key, kind: kindOf(here, there) });
        }
      }
    }
    left = again;
  }
  return { differences, unsettled: left };
}

function kindOf(source: string | null, target: string | null): Difference["kind"] {
  if (target === null) return "missing";
  return source === null ? "extra" : "changed";
}

async function digestsOf(sides: Compare, name: string, keys: readonly RowKey[]) {
  const { src, dst, at, fence, signal } = sides;
  const pks = keys.map((key) => key.pk);
  const digests = tableOf(sides, name).digestKeys(pks);
  const log = fill(SQL["log-find"], { bucket: at.bucket, pks: listOf(pks) });
  const [, , logHere = [], source = []] = await src.use(
    (session) =>
      session.sendBytes([
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        log,
        digests,
        "COMMIT",
      ]),
    signal,
  );
  const inLog = fence === undefined ? logHere : ((await fence.sendBytes([log]))[0] ?? []);
  const [target = []] = await dst.use((session) => session.sendBytes([digests]), signal);
  const byKey = (rows: typeof source) =>
    new Map(rows.map((row) => [String(row["pk"]), String(row["digest"])]));
  const logged = inLog.filter((row) => row["tbl"] === toBytes(name)).map((row) => String(row["pk"]));
  return { source: byKey(source), target: byKey(target), logged: new Set(logged) };
}
