import { DcsError } from "../../../errors.ts";
import { isMysqlError } from "../../../mysql/mysql-error.ts";
import type { PooledConnection } from "../../../mysql/mysql-pool.ts";
import { fill, rowsOf, valuesOf } from "../../../mysql/sql-text.ts";
import { randomHex } from "../../../util/ids.ts";
import type { CreateResult, NewRun } from "../journal.ts";
import { PARKED_AT, toJsonOrNull } from "../rows.ts";
import { runMoved } from "../run-moved.ts";
import { toCallRow } from "./call-row.ts";
import { SQL } from "./statements.generated.ts";

/** As the column holds. */
const KEY_BYTES = 1024;

/** Writes a new run in one round trip; only where that is refused it looks why. */
export async function createRun(connection: PooledConnection, run: NewRun): Promise<CreateResult> {
  const { businessKey } = run;
  if (businessKey !== null && Buffer.byteLength(businessKey) > KEY_BYTES) {
    throw new DcsError("SAGA_INPUT_INVALID", `the business key is longer than ${KEY_BYTES} bytes`);
  }
  try {
    await refuseUndone(connection, run);
    const results = await connection.send(insertions(run));
    return { created: true, now: Number(results.at(-2)?.[0]?.["now"]) };
  } catch (error) {
    if (!isMysqlError(error, "duplicate")) throw error;
    return await refusal(connection, run, error);
  }
}

/**
 * RUN_MOVED for a child that would take over what another run of its root began to undo. The transaction stays open, and
 * holds what it read until the insertions are committed.
 */
async function refuseUndone(connection: PooledConnection, { state, calls }: NewRun): Promise<void> {
  const { parentRun, rootId } = state;
  const undos = calls.filter(({ direction }) => direction === "undo").map((call) => toCallRow(state, call));
  if (parentRun === null) return;
  const query = undos.length === 0 ? "DO 0" : fill(SQL["undoer-get"], { calls: rowsOf(undos), rootId });
  const [, found] = await connection.send(["START TRANSACTION", query]);
  const undoer = found?.[0]?.["run_id"];
  if (undoer !== undefined) throw runMoved(String(undoer), rootId);
}

function insertions(run: NewRun): readonly string[] {
  const { state, saga, businessKey, txid, calls, events, audit } = run;
  const { runId, status } = state;
  const hasEnded = status === "completed" || status === "compensated" || status === "cancelled";
  const isIdle = hasEnded || status === "parked";
  const lease = isIdle ? null : run.lease;
  const epoch = lease === null ? 0 : 1;
  const rows = calls.map((call) => toCallRow(state, call));
  return [
    SQL.now,
    // A child's is open already.
    ...(state.parentRun === null ? ["START TRANSACTION"] : []),
    fill(SQL["run-insert"], {
      ...{ runId, rootId: state.rootId, parentRun: state.parentRun, defHash: state.defHash, saga },
      ...{ businessKey, status, direction: state.direction, cause: toJsonOrNull(state.cause) },
      ...{ live: !hasEnded, dueAt: isIdle ? PARKED_AT : null, owner: lease?.owner ?? null, epoch },
      ...{ lease: Math.ceil(lease?.leaseMs ?? 0), pass: randomHex(16) },
    }),
    fill(SQL["input-insert"], { runId, body: JSON.stringify(state.input) }),
    ...(rows.length === 0 ? [] : [fill(SQL["step-insert"], { rows: valuesOf(rows) })]),
    fill(SQL["event-insert"], { runId, seq: 1, epoch, txid, body: JSON.stringify(events) }),
    ...(audit === null
      ? []
      : [fill(SQL["audit-insert"], { ...audit, runId, details: JSON.stringify(audit.details) })]),
    SQL["now-get"],
    "COMMIT",
  ];
}

/** Something of it is there already: itself, written by a sending whose answer was lost, or another run. */
async function refusal(connection: PooledConnection, run: NewRun, error: unknown): Promise<CreateResult> {
  const { state, saga, businessKey, txid, calls } = run;
  const owned = calls.filter(({ isOwn }) => isOwn).map((call) => toCallRow(state, call));
  const { runId, rootId } = state;
  const [, , own, named, living, rivals, times] = await connection.send([
    "ROLLBACK",
    SQL.now,
    fill(SQL["txid-get"], { runId, txid }),
    fill(SQL["run-by-key"], { saga, businessKey }),
    fill(SQL["run-living"], { rootId, runId }),
    owned.length === 0 ? "DO 0" : fill(SQL["rival-get"], { calls: rowsOf(owned) }),
    SQL["now-get"],
  ]);
  if (own?.[0]?.["seq"] === 1) return { created: true, now: Number(times?.[0]?.["now"]) };
  const existing = named?.[0]?.["run_id"];
  if (existing !== undefined) return { created: false, existing: String(existing) };
  const rival = living?.[0]?.["run_id"] ?? rivals?.[0]?.["run_id"];
  if (rival === undefined) throw error;
  throw runMoved(String(rival), rootId);
}
