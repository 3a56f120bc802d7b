import { DcsError } from "../../../errors.ts";
import type { MysqlRow } from "../../../mysql/mysql-connection.ts";
import { isMysqlError } from "../../../mysql/mysql-error.ts";
import { MysqlPool, type PooledConnection } from "../../../mysql/mysql-pool.ts";
import { parseMysqlUrl } from "../../../mysql/mysql-url.ts";
import { fill, listOf, rowsOf } from "../../../mysql/sql-text.ts";
import { backoffDelay } from "../../../util/backoff.ts";
import { type Clock, sleep } from "../../../util/clock.ts";
import { randomHex } from "../../../util/ids.ts";
import type {
  AuditRecord,
  Change,
  ClaimRequest,
  ClaimResult,
  CommitResult,
  CreateResult,
  EventRecord,
  HeldRun,
  Journal,
  LeaseTerms,
  NewRun,
  RunFilter,
  RunRecord,
  RunRequest,
  StoredDefinition,
} from "../journal.ts";
import { KnownInputs } from "../known-inputs.ts";
import { PARKED_AT, toAudit, toDefinition, toEvent } from "../rows.ts";
import { commitBatch, splitChanges } from "./commit-batch.ts";
import { createRun } from "./create-run.ts";
import { toJournalError } from "./journal-error.ts";
import { quickBatch } from "./quick-batch.ts";
import { idsOf, listQuery, readRuns, runStatements, runsOf, SNAPSHOT } from "./read-runs.ts";
import { requestRun } from "./request-run.ts";
import { checkVersion } from "./schema-version.ts";
import { standings, written } from "./standing.ts";
import { SQL } from "./statements.generated.ts";

export interface MysqlJournalOptions {
  /** Bound of each conversation with the database, all its resendings as well, ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

const RESEND = { initialMs: 5, factor: 2, maxMs: 200 };

/**
 * Opens the journal on a MySQL or MariaDB server. URL_INVALID, JOURNAL_UNREACHABLE, JOURNAL_AUTH, JOURNAL_NOT_MIGRATED or
 * JOURNAL_NEWER.
 */
export async function openMysqlJournal(url: string, options: MysqlJournalOptions): Promise<Journal> {
  const target = parseMysqlUrl(url);
  let pool: MysqlPool | null = null;
  try {
    pool = await MysqlPool.open(target, options);
    await checkVersion(pool);
    return new MysqlJournal(pool, options);
  } catch (error) {
    await pool?.[Symbol.asyncDispose]();
    throw toJournalError(error, target);
  }
}

/**
 * The journal that many hosts share. Every transaction whose statements are known beforehand goes out in one round trip,
 * COMMIT among them, so no lock waits for the network. What may have been written though the answer was lost is sent again:
 * a transaction that is there already (by its txid) writes nothing. Its time is the database's.
 */
export class MysqlJournal implements Journal {
  readonly engine = "mysql";
  readonly url: string;
  readonly #pool: MysqlPool;
  readonly #options: MysqlJournalOptions;
  readonly #inputs = new KnownInputs();

  constructor(pool: MysqlPool, options: MysqlJournalOptions) {
    this.url = pool.target.shown;
    this.#pool = pool;
    this.#options = options;
  }

  async now(): Promise<number> {
    const results = await this.#send([SQL.now, SQL["now-get"]]);
    return Number(results[1]?.[0]?.["now"]);
  }

  async putDefinition({ hash, saga, body, directory }: StoredDefinition): Promise<void> {
    await this.#send([fill(SQL["def-put"], { hash, saga, body, directory })]);
  }

  async definition(hash: string): Promise<StoredDefinition | null> {
    const [[row] = []] = await this.#send([fill(SQL["def-get"], { hash })]);
    return row === undefined ? null : toDefinition(row);
  }

  async create(run: NewRun): Promise<CreateResult> {
    const result = await this.#use((connection) => createRun(connection, run));
    if (result.created) this.#inputs.add(run.state);
    return result;
  }

  claim({ owner, leaseMs, limit, runId }: ClaimRequest): Promise<ClaimResult> {
    return this.#use(async (connection) => {
      const next =
        runId === undefined
          ? fill(SQL["run-next"], { parked: PARKED_AT })
          : fill(SQL["run-next-one"], { parked: PARKED_AT, runId });
      const due = runId === undefined ? fill(SQL["run-due"], { limit }) : fill(SQL["run-due-one"], { runId });
      const found = await connection.send([SQL.now, "START TRANSACTION", due, next, SQL["now-get"]]);
      const ids = idsOf(found[2]).slice(0, limit);
      if (ids.length === 0) {
        await connection.send(["ROLLBACK"]);
        return { runs: [], now: Number(found[4]?.[0]?.["now"]), nextDueAt: atOf(found[3]) };
      }
      const claimed = await connection.send([
        fill(SQL["run-claim"], { ids: listOf(ids), owner, lease: Math.ceil(leaseMs) }),
        ...runStatements(ids),
        next,
        SQL["now-get"],
        "COMMIT",
      ]);
      const runs = this.#inputs.addAll(runsOf(ids, claimed.slice(1, 4)));
      return { runs, now: Number(claimed[5]?.[0]?.["now"]), nextDueAt: atOf(claimed[4]) };
    });
  }

  async commit(changes: readonly Change[], lease: LeaseTerms): Promise<CommitResult> {
    const results: CommitResult["results"][number][] = [];
    let now: number | null = null;
    await this.#use(async (connection) => {
      // What was committed before a resending counts as committed when it is sent again.
      results.length = 0;
      for (const part of splitChanges(changes, this.#inputs, connection.maxPacket)) {
        const done = await this.#commitPart(connection, part, lease);
        results.push(...done.results);
        now = done.now;
      }
    });
    return { results, now: now ?? (await this.now()) };
  }

  async heartbeat(runs: readonly HeldRun[], { owner, leaseMs }: LeaseTerms): Promise<CommitResult> {
    if (runs.length === 0) return { results: [], now: await this.now() };
    const rows = rowsOf(inOrder(runs).map(({ runId, epoch }) => ({ run_id: runId, epoch })));
    const asked = runs.map(({ runId, epoch, seq }, i) => ({ i, run_id: runId, epoch, seq, txid: "" }));
    const results = await this.#send([
      SQL.now,
      fill(SQL["run-extend"], { runs: rows, owner, lease: Math.ceil(leaseMs) }),
      fill(SQL["run-standing"], { runs: rowsOf(asked), owner }),
    ]);
    return standings(results[2] ?? []);
  }

  async release(runs: readonly HeldRun[], at: number | null): Promise<void> {
    if (runs.length === 0) return;
    const rows = rowsOf(inOrder(runs).map(({ runId, epoch }) => ({ run_id: runId, epoch })));
    const dueAt = at === null ? null : Math.ceil(at);
    await this.#send([SQL.now, fill(SQL["run-release"], { runs: rows, at: dueAt })]);
  }

  request(runId: string, decide: (run: RunRecord) => RunRequest): Promise<RunRecord> {
    const txid = randomHex(16);
    return this.#use((connection) => requestRun(connection, runId, txid, decide));
  }

  async run(runId: string): Promise<RunRecord | null> {
    const results = await this.#send([...SNAPSHOT, ...runStatements([runId]), "COMMIT"]);
    return this.#inputs.addAll(runsOf([runId], results.slice(SNAPSHOT.length)))[0] ?? null;
  }

  runs(filter: RunFilter): Promise<readonly RunRecord[]> {
    return this.#use((connection) => readRuns(connection, listQuery(filter)));
  }

  family(rootId: string): Promise<readonly RunRecord[]> {
    return this.#use((connection) => readRuns(connection, fill(SQL["run-family"], { rootId })));
  }

  async counts(): ReturnType<Journal["counts"]> {
    const [rows = []] = await this.#send([SQL["run-counts"]]);
    return Object.fromEntries(rows.map(({ status, runs }) => [String(status), Number(runs)]));
  }

  async events(runId: string): Promise<readonly EventRecord[]> {
    const [rows = []] = await this.#send([fill(SQL["event-list"], { runId })]);
    return rows.map(toEvent);
  }

  async audits(runId: string): Promise<readonly AuditRecord[]> {
    const [rows = []] = await this.#send([fill(SQL["audit-list"], { runId })]);
    return rows.map(toAudit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }

  /**
   * One transaction. Which run moved, or whose generation another run took, is only looked for where the database refused
   * them all.
   */
  async #commitPart(
    connection: PooledConnection,
    changes: readonly Change[],
    lease: LeaseTerms,
  ): Promise<CommitResult> {
    const parts = { changes, lease, inputs: this.#inputs };
    const attempts = [
      async () => {
        const quick = quickBatch(parts);
        if (quick === null) return null;
        const now = (await connection.send(quick)).at(-2)?.[0]?.["now"];
        return { results: changes.map(() => "held" as const), now: Number(now) };
      },
      ...[false, true].map((careful) => async () => {
        return written((await connection.send(commitBatch(parts, { careful }))).at(-2) ?? []);
      }),
    ];
    for (const [i, attempt] of attempts.entries()) {
      try {
        const done = await attempt();
        if (done === null) continue;
        changes.forEach(({ state }, at) => {
          if (done.results[at] === "held") this.#inputs.add(state);
        });
        return done;
      } catch (error) {
        if (!isMysqlError(error, "duplicate") || i === attempts.length - 1) throw error;
        await connection.send(["ROLLBACK"]);
      }
    }
    throw new Error("unreachable");
  }

  #send(statements: readonly string[]): ReturnType<MysqlPool["send"]> {
    return this.#use((connection) => connection.send(statements));
  }

  /** Does work that may be done twice; again after a deadlock, or on another connection where one was lost. */
  async #use<T>(work: (connection: PooledConnection) => Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.#options;
    const end = clock.monotonic() + timeoutMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#pool.use(work, Math.max(1, end - clock.monotonic()));
      } catch (error) {
        if (error instanceof DcsError) throw error;
        const left = end - clock.monotonic();
        const pause = backoffDelay(RESEND, attempt);
        // A second 1062 in a row: the rival came between the look and the write.
        const again =
          isMysqlError(error, "conflict", "lost") || (isMysqlError(error, "duplicate") && attempt < 3);
        if (!again || left <= pause) throw toJournalError(error, this.#pool.target);
        await sleep(clock, pause);
      }
    }
  }
}

/** All transactions lock runs in one order. */
function inOrder(runs: readonly HeldRun[]): readonly HeldRun[] {
  return [...runs].sort((a, b) => (a.runId < b.runId ? -1 : 1));
}

function atOf(rows: readonly MysqlRow[] | undefined): number | null {
  const at = rows?.[0]?.["at"];
  return typeof at === "number" ? at : null;
}
