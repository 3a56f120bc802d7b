import type { MysqlResult, MysqlRow } from "../../../mysql/mysql-connection.ts";
import type { PooledConnection } from "../../../mysql/mysql-pool.ts";
import { fill, listOf, SqlText } from "../../../mysql/sql-text.ts";
import type { RunFilter, RunRecord } from "../journal.ts";
import { toRecord } from "../rows.ts";
import { SQL } from "./statements.generated.ts";

const LAST_CHARACTER = "\u{10ffff}";

/** What follows it sees one state of the journal, until COMMIT. */
export const SNAPSHOT = [
  "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
  "START TRANSACTION READ ONLY",
] as const;

/** Statements whose three results `runsOf` makes into runs. */
export function runStatements(ids: readonly string[]): readonly string[] {
  const values = { ids: listOf(ids) };
  return [fill(SQL["run-rows"], values), fill(SQL["step-rows"], values), fill(SQL["request-rows"], values)];
}

/** The runs that the three results hold, in the order of `ids`. */
export function runsOf(ids: readonly string[], results: readonly MysqlResult[]): readonly RunRecord[] {
  const [runs = [], steps = [], requests = []] = results;
  const byId = new Map(runs.map((row) => [String(row["run_id"]), row]));
  const stepsOf = Map.groupBy(steps, ({ run_id }) => String(run_id));
  const requestsOf = Map.groupBy(requests, ({ run_id }) => String(run_id));
  return ids.flatMap((id) => {
    const row = byId.get(id);
    return row === undefined ? [] : [toRecord(row, stepsOf.get(id) ?? [], requestsOf.get(id) ?? [])];
  });
}

export function idsOf(rows: readonly MysqlRow[] | undefined): readonly string[] {
  return (rows ?? []).map(({ run_id }) => String(run_id));
}

/** The runs whose ids a query returns, all as they stood at one time. */
export async function readRuns(connection: PooledConnection, query: string): Promise<readonly RunRecord[]> {
  const found = await connection.send([...SNAPSHOT, query]);
  const ids = idsOf(found.at(-1));
  if (ids.length === 0) {
    await connection.send(["COMMIT"]);
    return [];
  }
  return runsOf(ids, await connection.send([...runStatements(ids), "COMMIT"]));
}

/** The query of the ids of runs that match. */
export function listQuery({ statuses, saga, callStatuses, before, idPrefix, limit }: RunFilter): string {
  const conditions: string[] = [];
  if (statuses !== undefined) conditions.push(isOneOf("r.status", statuses));
  if (saga !== undefined) conditions.push(fill("r.saga = :saga", { saga }));
  if (callStatuses !== undefined) {
    const states = callStatuses.length === 0 ? new SqlText("NULL") : listOf(callStatuses);
    conditions.push(fill(SQL["has-call"], { states }));
  }
  if (idPrefix !== undefined) {
    const last = `${idPrefix}${LAST_CHARACTER}`;
    conditions.push(fill("r.run_id BETWEEN :idPrefix AND :last", { idPrefix, last }));
  }
  if (before !== undefined) {
    const { createdAt, runId } = before;
    conditions.push(
      fill("(r.created_at < :createdAt OR (r.created_at = :createdAt AND r.run_id < :runId))", {
        createdAt,
        runId,
      }),
    );
  }
  const where = new SqlText(conditions.length === 0 ? "TRUE" : conditions.join(" AND "));
  return fill(SQL["run-list"], { where, limit });
}

function isOneOf(column: string, values: readonly string[]): string {
  return values.length === 0 ? "FALSE" : `${column} IN (${listOf(values).text})`;
}
