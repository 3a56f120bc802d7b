import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { DcsError } from "../../../errors.ts";
import { fileIdentity } from "../../../sqlite/file-identity.ts";
import { openDatabase } from "../../../sqlite/open.ts";
import { Statements } from "../../../sqlite/statements.ts";
import { WriteQueue } from "../../../sqlite/write-queue.ts";
import type { Clock } from "../../../util/clock.ts";
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
import { toJournalError } from "./journal-error.ts";
import { RunReader } from "./run-reader.ts";
import { RunWriter } from "./run-writer.ts";
import { SQL } from "./statements.generated.ts";

/** "dcsj", in the header of the file. */
const APPLICATION_ID = 0x6463736a;
const FORMAT = 1;
/** What `PRAGMA synchronous` says of FULL. */
const FULL = 2;

export interface SqliteJournalOptions {
  /** Longest wait for the write lock, ms. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** As for `openJournal`. */
  readonly ifMissing?: ((path: string) => void) | undefined;
}

/**
 * Opens, or makes, the journal in an SQLite file. JOURNAL_AUTH, JOURNAL_CORRUPT, JOURNAL_NEWER, JOURNAL_FULL or
 * JOURNAL_UNREACHABLE.
 */
export async function openSqliteJournal(path: string, options: SqliteJournalOptions): Promise<Journal> {
  if (options.ifMissing !== undefined && !existsSync(path)) {
    options.ifMissing(path);
    const nothing = new DatabaseSync(":memory:");
    nothing.exec(SQL.schema);
    return new SqliteJournal(nothing, path, options);
  }
  try {
    const db = await openDatabase(path, {
      applicationId: APPLICATION_ID,
      version: FORMAT,
      synchronous: "FULL",
      create: (fresh) => fresh.exec(SQL.schema),
      ...options,
    });
    assertDurable(db, path);
    return new SqliteJournal(db, path, options);
  } catch (error) {
    throw toJournalError(error, path);
  }
}

/** What is said to be committed must outlive a loss of power: an effect is only sent once its intent does. */
function assertDurable(db: DatabaseSync, path: string): void {
  const synchronous = db.prepare("PRAGMA synchronous").get()?.synchronous;
  if (synchronous === FULL) return;
  db.close();
  throw new DcsError("JOURNAL_CORRUPT", `SQLite does not keep ${path} with synchronous=FULL`, {
    details: { path, synchronous },
    hint: "use the node that dcs was installed with",
  });
}

/**
 * The journal of one host: an SQLite file in WAL mode shared by all processes. Writes go through one queue, so that all that
 * arrives while a transaction waits for the lock or the disk goes into one commit. Its time is the host's clock.
 */
export class SqliteJournal implements Journal {
  readonly engine = "sqlite";
  readonly url: string;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #db: DatabaseSync;
  readonly #writes: WriteQueue;
  readonly #reader: RunReader;
  readonly #writer: RunWriter;
  readonly #inputs = new KnownInputs();
  #isClosed = false;

  constructor(db: DatabaseSync, path: string, { timeoutMs, clock }: SqliteJournalOptions) {
    this.url = `embedded:${path}`;
    this.#path = path;
    this.#clock = clock;
    this.#db = db;
    const statements = new Statements(db, SQL);
    this.#reader = new RunReader(statements);
    this.#writer = new RunWriter(statements, this.#reader);
    const identity = fileIdentity(path);
    this.#writes = new WriteQueue({
      db,
      path,
      timeoutMs,
      clock,
      before: () => {
        if (fileIdentity(path) !== identity) throw replaced(path);
      },
      after: () => {},
      committed: () => {},
    });
  }

  async now(): Promise<number> {
    return this.#now();
  }

  putDefinition(definition: StoredDefinition): Promise<void> {
    return this.#write(() => this.#writer.putDefinition(definition));
  }

  async definition(hash: string): Promise<StoredDefinition | null> {
    return this.#read(() => this.#reader.definition(hash));
  }

  async create(run: NewRun): Promise<CreateResult> {
    const result = await this.#write((now) => this.#writer.create(run, now));
    if (result.created) this.#inputs.add(run.state);
    return result;
  }

  async claim({ owner, leaseMs, limit, runId }: ClaimRequest): Promise<ClaimResult> {
    // Workers ask often and mostly in vain: that must not take the write lock from those who have something to write.
    const idle = this.#read(() => {
      const now = this.#now();
      if (this.#reader.due(now, limit, runId).length > 0) return null;
      return { runs: [], now, nextDueAt: this.#reader.nextDueAt(now, runId) };
    });
    if (idle !== null) return idle;
    const claimed = await this.#write((now) => {
      const due = this.#reader.due(now, limit, runId);
      const runs = this.#writer.claim(due, { owner, leaseMs }, now);
      return { runs, now, nextDueAt: this.#reader.nextDueAt(now, runId) };
    });
    this.#inputs.addAll(claimed.runs);
    return claimed;
  }

  async commit(changes: readonly Change[], lease: LeaseTerms): Promise<CommitResult> {
    const done = await this.#write((now) => ({
      results: changes.map((change) => this.#writer.commit(change, lease, now, this.#inputs.has(change))),
      now,
    }));
    changes.forEach(({ state }, i) => {
      if (done.results[i] === "held") this.#inputs.add(state);
    });
    return done;
  }

  heartbeat(runs: readonly HeldRun[], lease: LeaseTerms): Promise<CommitResult> {
    return this.#write((now) => ({
      results: runs.map((run) => this.#writer.heartbeat(run, lease, now)),
      now,
    }));
  }

  release(runs: readonly HeldRun[], at: number | null): Promise<void> {
    return this.#write((now) => {
      for (const run of runs) this.#writer.release(run, at, now);
    });
  }

  request(runId: string, decide: (run: RunRecord) => RunRequest): Promise<RunRecord> {
    return this.#write((now) => this.#writer.request(runId, decide, now));
  }

  async run(runId: string): Promise<RunRecord | null> {
    const run = this.#read(() => this.#reader.run(runId));
    if (run !== null) this.#inputs.add(run.state);
    return run;
  }

  async runs(filter: RunFilter): Promise<readonly RunRecord[]> {
    return this.#read(() => this.#reader.runs(filter));
  }

  async family(rootId: string): Promise<readonly RunRecord[]> {
    return this.#read(() => this.#reader.family(rootId));
  }

  async counts(): ReturnType<Journal["counts"]> {
    return this.#read(() => this.#reader.counts());
  }

  async events(runId: string): Promise<readonly EventRecord[]> {
    return this.#read(() => this.#reader.events(runId));
  }

  async audits(runId: string): Promise<readonly AuditRecord[]> {
    return this.#read(() => this.#reader.audits(runId));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#writes.close();
    this.#db.close();
  }

  #now(): number {
    return Math.floor(this.#clock.now());
  }

  /** Runs `job` in a transaction. What it refuses rejects, without rolling back what others wrote in the same one. */
  async #write<T>(job: (now: number) => T): Promise<T> {
    let refusal: DcsError | null = null;
    const done = await this.#writes
      .run(() => {
        refusal = null;
        try {
          return { value: job(this.#now()) };
        } catch (error) {
          if (!(error instanceof DcsError)) throw error;
          refusal = error;
          return null;
        }
      })
      .catch((error: unknown) => {
        throw toJournalError(error, this.#path);
      });
    if (done === null) throw refusal;
    return done.value;
  }

  /** Reads of one state of the journal. */
  #read<T>(read: () => T): T {
    try {
      // A write transaction of ours has begun, and its jobs come right after: until then it is as good as a snapshot.
      if (this.#db.isTransaction) return read();
      this.#db.exec("BEGIN");
      try {
        return read();
      } finally {
        this.#db.exec("COMMIT");
      }
    } catch (error) {
      throw toJournalError(error, this.#path);
    }
  }
}

function replaced(path: string): DcsError {
  return new DcsError("JOURNAL_CORRUPT", `the journal ${path} was removed or replaced while it was open`, {
    details: { path },
  });
}
