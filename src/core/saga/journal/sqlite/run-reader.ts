import type { SQLInputValue } from "node:sqlite";
import type { AuditRecord, EventRecord, RunFilter, RunRecord, StoredDefinition } from "../journal.ts";
import { PARKED_AT, type Row, toAudit, toDefinition, toEvent, toRecord } from "../rows.ts";
import type { JournalStatements } from "./statements.ts";

/** Behind every text with the same beginning: ids are ASCII. */
const LAST_CHARACTER = "\u{10ffff}";

/** What is read of the journal's tables. Purely synchronous; to be called within one transaction. */
export class RunReader {
  readonly #sql: JournalStatements;

  constructor(sql: JournalStatements) {
    this.#sql = sql;
  }

  definition(hash: string): StoredDefinition | null {
    const row = this.#sql.get("def-get").get(hash);
    return row === undefined ? null : toDefinition(row);
  }

  run(runId: string): RunRecord | null {
    const row = this.#sql.get("run-get").get(runId);
    if (row === undefined) return null;
    return toRecord(row, this.#sql.get("step-list").all(runId), this.#sql.get("request-list").all(runId));
  }

  runs(filter: RunFilter): readonly RunRecord[] {
    const { limit, saga, before, statuses, callStatuses, idPrefix } = filter;
    const common = [limit, saga ?? null, before?.createdAt ?? null, before?.runId ?? null];
    const listed = statuses === undefined ? null : JSON.stringify(statuses);
    if (idPrefix !== undefined) {
      const range = [idPrefix, `${idPrefix}${LAST_CHARACTER}`];
      return this.#all(this.#sql.get("run-list-prefix").all(...common, listed, ...range));
    }
    if (callStatuses !== undefined) {
      return this.#all(this.#sql.get("run-list-calls").all(...common, listed, JSON.stringify(callStatuses)));
    }
    if (listed !== null) return this.#all(this.#sql.get("run-list-status").all(...common, listed));
    return this.#all(this.#sql.get("run-list").all(...common));
  }

  family(rootId: string): readonly RunRecord[] {
    return this.#all(this.#sql.get("run-family").all(rootId));
  }

  counts(): Readonly<Record<string, number>> {
    const rows = this.#sql.get("run-counts").all();
    return Object.fromEntries(rows.map((row) => [String(row.status), Number(row.runs)]));
  }

  events(runId: string): readonly EventRecord[] {
    return this.#sql.get("event-list").all(runId).map(toEvent);
  }

  audits(runId: string): readonly AuditRecord[] {
    return this.#sql.get("audit-list").all(runId).map(toAudit);
  }

  /** Ids of runs to be claimed, those due for longest first. */
  due(now: number, limit: number, runId?: string): readonly string[] {
    const rows =
      runId === undefined
        ? this.#sql.get("run-due").all(now, limit)
        : this.#sql.get("run-due-one").all(runId, now);
    return rows.slice(0, limit).map((row) => String(row.run_id));
  }

  nextDueAt(now: number, runId?: string): number | null {
    const when: SQLInputValue[] = [now, PARKED_AT];
    const row =
      runId === undefined
        ? this.#sql.get("run-next").get(...when)
        : this.#sql.get("run-next-one").get(...when, runId);
    return typeof row?.at === "number" ? row.at : null;
  }

  #all(rows: readonly Row[]): readonly RunRecord[] {
    return rows.map((row) => this.run(String(row.run_id))).filter((run) => run !== null);
  }
}
