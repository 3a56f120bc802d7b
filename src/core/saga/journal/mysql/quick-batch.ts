import { fill, listOf, literal, SqlText, type SqlValue, valuesOf } from "../../../mysql/sql-text.ts";
import { randomHex } from "../../../util/ids.ts";
import type { Change } from "../journal.ts";
import { toJsonOrNull } from "../rows.ts";
import { type CommitParts, callRows, dueAtOf, hasNewCall, inOrder, restOf } from "./commit-batch.ts";
import { SQL } from "./statements.generated.ts";

/**
 * As `commitBatch`, for what is mostly so: every run is ours still, and unmoved. One that is not makes the row of its events
 * an error (1048, as a generation that another run owns does), and nothing at all is written. So no statement has to look
 * which runs moved, and none makes a temporary table. The last but one returns the time. Null where rows may have to be put
 * between others.
 */
export function quickBatch({ changes, lease, inputs }: CommitParts): readonly string[] | null {
  const pass = randomHex(16);
  const sorted = inOrder(changes);
  const calls = callRows(sorted);
  if (hasNewCall(calls)) return null;
  const held = new SqlText(`@now + ${Math.ceil(lease.leaseMs)}`);
  const each = (value: (change: Change) => SqlValue) => new SqlText(perRun(sorted, value));
  return [
    SQL.now,
    "START TRANSACTION",
    fill(SQL["run-move"], {
      status: each(({ state }) => state.status),
      direction: each(({ state }) => state.direction),
      cause: each(({ state }) => toJsonOrNull(state.cause)),
      live: each(({ due }) => due.kind !== "ended"),
      dueAt: each(({ due }) => dueAtOf(due) ?? held),
      nextOwner: each(({ due }) => (due.kind === "held" ? lease.owner : null)),
      ids: listOf(sorted.map(({ runId }) => runId)),
      marks: valuesOf(sorted.map(({ runId, epoch, seq }) => ({ runId, epoch, seq }))),
      owner: lease.owner,
      pass,
    }),
    fill(SQL["event-values"], { rows: valuesOf(sorted.map(toEventRow)) }),
    ...(calls.length === 0 ? [] : [fill(SQL["step-values"], { rows: valuesOf(calls) })]),
    ...restOf(sorted, inputs, pass),
    SQL["now-get"],
    "COMMIT",
  ];
}

const NOW = new SqlText("@now");

/** The first row is refused unless all runs moved. */
function toEventRow({ runId, seq, epoch, txid, events }: Change, i: number, all: readonly Change[]) {
  const fenced = new SqlText(`IF(ROW_COUNT() = ${all.length}, ${literal(runId)}, NULL)`);
  const body = JSON.stringify(events);
  return { run_id: i === 0 ? fenced : runId, seq: seq + 1, epoch, txid, at: NOW, body };
}

/** SQL of a value that mostly is the same for all. */
function perRun(changes: readonly Change[], value: (change: Change) => SqlValue): string {
  const texts = changes.map((change) => literal(value(change)));
  const counts = Map.groupBy(texts, (text) => text);
  const [usual = "NULL"] = [...counts].sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
  const others = changes.flatMap(({ runId }, i) =>
    texts[i] === usual ? [] : [`WHEN ${literal(runId)} THEN ${texts[i]}`],
  );
  return others.length === 0 ? usual : `CASE run_id ${others.join(" ")} ELSE ${usual} END`;
}
