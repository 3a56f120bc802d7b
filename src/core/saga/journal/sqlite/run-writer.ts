import { DcsError } from "../../../errors.ts";
import { randomHex } from "../../../util/ids.ts";
import type { RunState } from "../../engine/run-state.ts";
import type {
  Audit,
  CallChange,
  Change,
  CreateResult,
  Due,
  HeldRun,
  JournalEvent,
  LeaseTerms,
  NewRun,
  RunRecord,
  RunRequest,
  Standing,
  StoredDefinition,
} from "../journal.ts";
import { requestEvent } from "../request-event.ts";
import { fromCall, PARKED_AT, toJsonOrNull } from "../rows.ts";
import { runMoved } from "../run-moved.ts";
import type { RunReader } from "./run-reader.ts";
import type { JournalStatements } from "./statements.ts";

/**
 * What happens to the journal's tables inside one write transaction. Purely synchronous, and whatever is refused is refused
 * before anything of it is written: others are in the same transaction.
 */
export class RunWriter {
  readonly #sql: JournalStatements;
  readonly #reader: RunReader;

  constructor(sql: JournalStatements, reader: RunReader) {
    this.#sql = sql;
    this.#reader = reader;
  }

  putDefinition({ hash, saga, body, directory }: StoredDefinition): void {
    this.#sql.get("def-put").run(hash, saga, body, directory);
  }

  create(run: NewRun, now: number): CreateResult {
    const { state, saga, businessKey, txid } = run;
    if (this.#txidAt(state.runId, 1) === txid) return { created: true, now };
    if (businessKey !== null) {
      const taken = this.#sql.get("run-by-key").get(saga, businessKey);
      if (taken !== undefined) return { created: false, existing: String(taken.run_id) };
    }
    const living = hasEnded(state) ? null : this.#livingKin(state);
    const rival = living ?? this.#rivalOf(state, run.calls) ?? this.#undoerOf(state, run.calls);
    if (rival !== null) throw runMoved(rival, state.rootId);
    const lease = hasEnded(state) || state.status === "parked" ? null : run.lease;
    const epoch = lease === null ? 0 : 1;
    this.#insert(run, lease, epoch, now);
    for (const call of run.calls) this.#sql.get("step-put").run(...fromCall(state, call));
    this.#addEvents({ runId: state.runId, epoch, seq: 1 }, txid, run.events, now);
    if (run.audit !== null) this.#addAudit(state.runId, run.audit, now);
    return { created: true, now };
  }

  claim(runIds: readonly string[], { owner, leaseMs }: LeaseTerms, now: number): readonly RunRecord[] {
    for (const runId of runIds) this.#sql.get("run-claim").run(runId, owner, until(now, leaseMs));
    return runIds.map((runId) => this.#reader.run(runId)).filter((run) => run !== null);
  }

  /** `hasInput`: the run's input is written down already. */
  commit(change: Change, lease: LeaseTerms, now: number, hasInput: boolean): Standing {
    const { runId, epoch, seq, state, txid, calls, takenUp } = change;
    const standing = this.#standing(change, lease.owner);
    if (standing !== "held") return this.#txidAt(runId, seq + 1) === txid ? "held" : standing;
    if (this.#rivalOf(state, calls) !== null) return "lost";
    this.#advance(change, lease, now);
    if (!hasInput) this.#sql.get("input-put").run(runId, JSON.stringify(state.input));
    this.#putCalls(state, calls);
    this.#addEvents({ runId, epoch, seq: seq + 1 }, txid, change.events, now);
    if (takenUp !== null) this.#sql.get("request-take").run(runId, takenUp);
    if (change.due.kind !== "held") this.#sql.get("run-wake").run(runId, now);
    return "held";
  }

  heartbeat(run: HeldRun, { owner, leaseMs }: LeaseTerms, now: number): Standing {
    const standing = this.#standing(run, owner);
    if (standing !== "lost")
      this.#sql.get("run-extend").run(run.runId, run.epoch, owner, until(now, leaseMs));
    return standing;
  }

  release({ runId, epoch }: HeldRun, at: number | null, now: number): void {
    const { changes } = this.#sql.get("run-release").run(runId, epoch, at === null ? now : Math.ceil(at));
    if (Number(changes) > 0) this.#sql.get("run-wake").run(runId, now);
  }

  request(runId: string, decide: (run: RunRecord) => RunRequest, now: number): RunRecord {
    const run = this.#reader.run(runId);
    if (run === null) throw new DcsError("RUN_NOT_FOUND", `there is no run ${runId}`, { details: { runId } });
    const request = decide(run);
    const rival = this.#livingKin(run.state);
    if (rival !== null) throw runMoved(rival, run.state.rootId);
    this.#sql.get("request-put").run(runId, JSON.stringify(request.event), now);
    this.#sql.get("run-requested").run(runId, now);
    const { epoch, seq } = run;
    this.#addEvents({ runId, epoch, seq: seq + 1 }, randomHex(16), [requestEvent(request)], now);
    this.#addAudit(runId, request.audit, now);
    return this.#reader.run(runId) ?? run;
  }

  #standing({ runId, epoch, seq }: HeldRun, owner: string): Standing {
    const row = this.#sql.get("run-standing").get(runId);
    if (row?.live !== 1 || row.epoch !== epoch || row.owner !== owner) return "lost";
    return row.seq === seq ? "held" : "moved";
  }

  #insert({ state, saga, businessKey }: NewRun, lease: LeaseTerms | null, epoch: number, now: number): void {
    const dueAt = lease === null ? now : until(now, lease.leaseMs);
    const isIdle = hasEnded(state) || state.status === "parked";
    this.#sql
      .get("run-insert")
      .run(
        ...[state.runId, state.rootId, state.parentRun, state.defHash, saga, businessKey],
        ...[state.status, state.direction, toJsonOrNull(state.cause), Number(!hasEnded(state))],
        ...[isIdle ? PARKED_AT : dueAt, lease?.owner ?? null, epoch, now],
      );
    this.#sql.get("input-put").run(state.runId, JSON.stringify(state.input));
  }

  /** Moves a run on that `#standing` has just called held. */
  #advance({ runId, epoch, seq, state, due }: Change, lease: LeaseTerms, now: number): void {
    const isHeld = due.kind === "held";
    const { changes } = this.#sql
      .get("run-advance")
      .run(
        ...[runId, epoch, seq, lease.owner, state.status, state.direction, toJsonOrNull(state.cause)],
        ...[Number(due.kind !== "ended"), dueAtOf(due, lease, now), isHeld ? lease.owner : null, now],
      );
    if (Number(changes) !== 1) throw new Error(`run ${runId} moved within a transaction`);
  }

  #putCalls(state: RunState, calls: readonly CallChange[]): void {
    for (const call of calls) {
      const row = fromCall(state, call);
      const { changes } = this.#sql.get("step-move").run(...row);
      if (Number(changes) === 0) this.#sql.get("step-put").run(...row);
    }
  }

  /** Another run of the same root that has not ended; null when there is none. */
  #livingKin({ runId, rootId }: RunState): string | null {
    const row = this.#sql.get("run-living").get(rootId, runId);
    return row === undefined ? null : String(row.run_id);
  }

  /** A run that owns a generation which one of the calls wants to own; null when there is none. */
  #rivalOf(state: RunState, calls: readonly CallChange[]): string | null {
    return this.#ownerOf(
      state,
      calls.filter(({ isOwn }) => isOwn),
    );
  }

  /** A run that began to undo what a child would take over; null when there is none. */
  #undoerOf(state: RunState, calls: readonly CallChange[]): string | null {
    const undos = calls.filter(({ direction }) => direction === "undo");
    return state.parentRun === null ? null : this.#ownerOf(state, undos, 1);
  }

  /** Another run that owns a generation of one of the calls, and began it at least so often. */
  #ownerOf(state: RunState, calls: readonly CallChange[], attempts = 0): string | null {
    for (const { step, direction } of calls) {
      const generation = state.steps[step]?.[direction].generation ?? 1;
      const row = this.#sql.get("step-owner").get(state.rootId, step, direction, generation);
      if (row === undefined || row.run_id === state.runId || Number(row.attempts) < attempts) continue;
      return String(row.run_id);
    }
    return null;
  }

  #addEvents(at: HeldRun, txid: string, events: readonly JournalEvent[], now: number): void {
    this.#sql.get("event-put").run(at.runId, at.seq, at.epoch, txid, now, JSON.stringify(events));
  }

  #addAudit(runId: string, { verb, actor, reason, details }: Audit, now: number): void {
    this.#sql.get("audit-put").run(runId, verb, actor, reason, JSON.stringify(details), now);
  }

  #txidAt(runId: string, seq: number): string | null {
    const row = this.#sql.get("event-txid").get(runId, seq);
    return row === undefined ? null : String(row.txid);
  }
}

function hasEnded({ status }: RunState): boolean {
  return status === "completed" || status === "compensated" || status === "cancelled";
}

function until(now: number, leaseMs: number): number {
  return now + Math.ceil(leaseMs);
}

function dueAtOf(due: Due, lease: LeaseTerms, now: number): number {
  if (due.kind === "held") return until(now, lease.leaseMs);
  return due.kind === "at" ? Math.ceil(due.at) : PARKED_AT;
}
