import type { RunEvent } from "../engine/event.ts";
import type { Direction, RunState, RunStatus } from "../engine/run-state.ts";

/**
 * Where runs are written down: one schema, two engines (SQLite, MySQL/MariaDB). It only keeps and fences; what a run does
 * next is decided by `transition`. All times are epoch ms of the journal's own clock.
 *
 * Every method rejects with JOURNAL_UNREACHABLE, JOURNAL_AUTH, JOURNAL_FULL or JOURNAL_NEWER where the engine says so.
 */
export interface Journal extends AsyncDisposable {
  readonly engine: "sqlite" | "mysql";
  /** Where it is, for people: no secrets. */
  readonly url: string;

  /** The journal's time. */
  now(): Promise<number>;

  /** Keeps a definition for ever; the same hash again changes nothing. */
  putDefinition(definition: StoredDefinition): Promise<void>;
  definition(hash: string): Promise<StoredDefinition | null>;

  /**
   * Writes a new run with its first transition. With a business key that this saga has had already it changes nothing and
   * says which run has it. Of one root at most one run lives: RUN_MOVED where another one does that has not ended, or where a
   * generation of a call was taken by another run meanwhile; of a child also where another run began a compensation (of the
   * generation that the child has of it, owned by the child or not): what the child would take over is undone.
   * The run's seq is 1 then, its epoch 1 with a lease and 0 without. Without one it is due at once. One that has ended or is
   * parked already has no lease. The same txid again is the same run again: created.
   */
  create(run: NewRun): Promise<CreateResult>;

  /**
   * Takes runs that are due (a timer, a retry, a lease that ran out, a request): each gets this owner, the next epoch and a
   * lease, and its count of claims grows. With `runId` only that one. Nothing is taken from an owner whose lease runs.
   * Those that have been due for longest first.
   */
  claim(request: ClaimRequest): Promise<ClaimResult>;

  /**
   * Writes transitions, those of many runs in one transaction: each is fenced by its run's epoch and seq for itself, so
   * that a lost lease does not stop the others. A change whose txid is there already counts as committed: after a
   * rejection the same changes may be given again. `results` in the order of `changes`. A change that needs a generation
   * which another run owns is `lost` too. A run that is let go while requests wait for it is due at once.
   */
  commit(changes: readonly Change[], lease: LeaseTerms): Promise<CommitResult>;

  /** Extends leases without touching what is written; says of each run how it stands, in the order given. */
  heartbeat(runs: readonly HeldRun[], lease: LeaseTerms): Promise<CommitResult>;

  /**
   * Gives up leases, so that others may have the runs at once (`at` null) or at a time. Runs that are no longer held at this
   * epoch are left alone, and those that requests wait for are due at once.
   */
  release(runs: readonly HeldRun[], at: number | null): Promise<void>;

  /**
   * An operator's wish. Under the lock of the run's row `decide` sees it and gives the request, or throws to refuse; the
   * request, its audit row and an event are written together, the run's seq grows, and a run that nobody holds is due at
   * once, also one that was parked or had ended. Whoever holds or claims the run applies it. RUN_NOT_FOUND.
   */
  request(runId: string, decide: (run: RunRecord) => RunRequest): Promise<RunRecord>;

  /** One run as it stands, with what was asked of it and not taken up yet. */
  run(runId: string): Promise<RunRecord | null>;
  /** Runs that match, newest first. */
  runs(filter: RunFilter): Promise<readonly RunRecord[]>;
  /** Runs with that root, oldest first: the first and its replays. */
  family(rootId: string): Promise<readonly RunRecord[]>;
  /** How many runs are in each status. */
  counts(): Promise<Readonly<Partial<Record<RunStatus, number>>>>;
  /** All events of a run, in the order of their seq, without gaps. */
  events(runId: string): Promise<readonly EventRecord[]>;
  /** All that operators did to a run, oldest first. */
  audits(runId: string): Promise<readonly AuditRecord[]>;
}

export interface StoredDefinition {
  /** As `ReadDefinition.hash`. */
  readonly hash: string;
  readonly saga: string;
  /** The text of the file. */
  readonly body: string;
  /** Absolute directory that its modules and programs are relative to. */
  readonly directory: string;
}

/** A run as it is kept. */
export interface RunRecord {
  /** Of every call its highest generation. */
  readonly state: RunState;
  readonly saga: string;
  readonly businessKey: string | null;
  /** Whose lease it is; null when nobody has it. */
  readonly owner: string | null;
  /** Grows with every claim. */
  readonly epoch: number;
  /** Grows with every transition and every request, by one. */
  readonly seq: number;
  /** When somebody should look at it: the end of the lease, or a timer. Null once it has ended, and while it is parked. */
  readonly dueAt: number | null;
  /** Claims since the last transition. */
  readonly claims: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly requests: readonly WaitingRequest[];
  /** Hash of the request that a call was last begun with, by `callId`. */
  readonly inputHashes: Readonly<Record<string, string>>;
}

/** Names a call of a run in `inputHashes`. */
export function callId(step: string, direction: Direction): string {
  return `${step}:${direction}`;
}

/** A call whose row is to be written. Its state is in the change's state. */
export interface CallChange {
  readonly step: string;
  readonly direction: Direction;
  /** 32 hex digits. */
  readonly key: string;
  /** Hash of the request, where one is begun with this change; null keeps the one before. */
  readonly inputHash: string | null;
  /**
   * True where this run takes the generation for itself: (root, step, direction, generation) is unique among owned ones. False
   * for calls taken over from the parent run with their output, and for compensations that were never begun. What is owned
   * stays so.
   */
  readonly isOwn: boolean;
}

export interface NewRun {
  readonly state: RunState;
  readonly saga: string;
  readonly businessKey: string | null;
  readonly txid: string;
  /** Every call of the state. */
  readonly calls: readonly CallChange[];
  /** Of seq 1. */
  readonly events: readonly JournalEvent[];
  /** Who executes it from now on; null leaves it to whoever claims it. */
  readonly lease: LeaseTerms | null;
  readonly audit: Audit | null;
}

export type CreateResult =
  | { readonly created: true; readonly now: number }
  | { readonly created: false; readonly existing: string };

export interface LeaseTerms {
  readonly owner: string;
  readonly leaseMs: number;
}

export interface ClaimRequest extends LeaseTerms {
  readonly limit: number;
  readonly runId?: string;
}

export interface ClaimResult {
  readonly runs: readonly RunRecord[];
  readonly now: number;
  /** When the next run is due that is not due yet, the ends of leases too; null when there is none. With `runId` of that one. */
  readonly nextDueAt: number | null;
}

export interface HeldRun {
  readonly runId: string;
  readonly epoch: number;
  readonly seq: number;
}

/** One transition of a run. */
export interface Change extends HeldRun {
  /** The seq that was read: the run has the next one afterwards. */
  readonly seq: number;
  /** 32 random hex digits. */
  readonly txid: string;
  readonly state: RunState;
  /** Calls that differ from what was read. */
  readonly calls: readonly CallChange[];
  readonly events: readonly JournalEvent[];
  readonly due: Due;
  /** Requests up to this id are taken up by it. */
  readonly takenUp: number | null;
}

/**
 * `held` keeps the lease. `at` gives it up until then. `parked` gives it up until somebody asks for something. `ended` is
 * for ever.
 */
export type Due =
  | { readonly kind: "held" | "parked" | "ended" }
  | { readonly kind: "at"; readonly at: number };

/**
 * `moved`: the epoch is still ours, but the seq is not: read again and apply again. `lost`: it has another owner, was given
 * up or has ended.
 */
export type Standing = "held" | "moved" | "lost";

export interface CommitResult {
  /** `held` for what was committed. */
  readonly results: readonly Standing[];
  readonly now: number;
}

/** What happened, as the timeline shows it. No secrets. */
export interface JournalEvent {
  readonly type: string;
  readonly step?: string;
  readonly direction?: Direction;
  readonly attempt?: number;
  readonly message?: string;
}

export interface EventRecord {
  readonly seq: number;
  readonly epoch: number;
  readonly txid: string;
  readonly at: number;
  readonly events: readonly JournalEvent[];
}

/** What operators may ask of a run. */
export type OperatorEvent = Extract<
  RunEvent,
  { readonly type: "cancelled" | "compensated" | "resumed" | "resolved" | "replayed" }
>;

export interface RunRequest {
  readonly event: OperatorEvent;
  readonly audit: Audit;
}

export interface WaitingRequest {
  /** Grows with every request of the journal. */
  readonly id: number;
  readonly event: OperatorEvent;
  readonly at: number;
}

export interface Audit {
  /** `saga.cancel`, as in the names of JSON documents. */
  readonly verb: string;
  /** user@host, as the identity of processes says. */
  readonly actor: string;
  readonly reason: string;
  /** What was asked for, without secrets. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AuditRecord extends Audit {
  readonly id: number;
  readonly runId: string;
  readonly at: number;
}

export interface RunFilter {
  readonly statuses?: readonly RunStatus[];
  readonly saga?: string;
  /** Only runs whose id begins so, as people abbreviate it; never a pattern. Not together with `callStatuses`. */
  readonly idPrefix?: string;
  /** Only runs that have a call in one of these. */
  readonly callStatuses?: readonly ("unknown" | "parked" | "intent")[];
  readonly limit: number;
  /** Only runs created before this one, to go on behind a page. */
  readonly before?: { readonly createdAt: number; readonly runId: string };
}
