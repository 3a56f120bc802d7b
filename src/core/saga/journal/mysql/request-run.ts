import { DcsError } from "../../../errors.ts";
import { isMysqlError } from "../../../mysql/mysql-error.ts";
import type { PooledConnection } from "../../../mysql/mysql-pool.ts";
import { fill } from "../../../mysql/sql-text.ts";
import { randomHex } from "../../../util/ids.ts";
import type { RunRecord, RunRequest } from "../journal.ts";
import { requestEvent } from "../request-event.ts";
import { runMoved } from "../run-moved.ts";
import { runStatements, runsOf } from "./read-runs.ts";
import { SQL } from "./statements.generated.ts";

/**
 * Writes an operator's wish down, under the lock of the run's row. With a txid that is there already it was written by a
 * sending whose answer was lost, and nothing is decided again.
 */
export async function requestRun(
  connection: PooledConnection,
  runId: string,
  txid: string,
  decide: (run: RunRecord) => RunRequest,
): Promise<RunRecord> {
  const found = await connection.send([
    "START TRANSACTION",
    fill(SQL["run-lock"], { runId }),
    ...runStatements([runId]),
    fill(SQL["txid-get"], { runId, txid }),
  ]);
  const [run] = runsOf([runId], found.slice(2, 5));
  if (run === undefined)
    throw new DcsError("RUN_NOT_FOUND", `there is no run ${runId}`, { details: { runId } });
  if (found[5]?.length === 1) {
    await connection.send(["ROLLBACK"]);
    return run;
  }
  const request = decide(run);
  const { event, audit } = request;
  const { epoch, seq } = run;
  const body = JSON.stringify([requestEvent(request)]);
  const written = await send(connection, run, [
    SQL.now,
    fill(SQL["request-insert"], { runId, event: JSON.stringify(event) }),
    fill(SQL["run-requested"], { runId, pass: randomHex(16) }),
    fill(SQL["event-insert"], { runId, seq: seq + 1, epoch, txid, body }),
    fill(SQL["audit-insert"], { ...audit, runId, details: JSON.stringify(audit.details) }),
    ...runStatements([runId]),
    "COMMIT",
  ]);
  return runsOf([runId], written.slice(5, 8))[0] ?? run;
}

/** RUN_MOVED where the run had ended, and another of its root lives. */
async function send(
  connection: PooledConnection,
  { state: { runId, rootId } }: RunRecord,
  statements: readonly string[],
): ReturnType<PooledConnection["send"]> {
  try {
    return await connection.send(statements);
  } catch (error) {
    if (!isMysqlError(error, "duplicate")) throw error;
    const [, living] = await connection.send(["ROLLBACK", fill(SQL["run-living"], { rootId, runId })]);
    const rival = living?.[0]?.["run_id"];
    if (rival === undefined) throw error;
    throw runMoved(String(rival), rootId);
  }
}
