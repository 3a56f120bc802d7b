import type { MysqlTarget } from "../../mysql/mysql-url.ts";
import type { Clock } from "../../util/clock.ts";
import type { Shard } from "../keyspace.ts";
import type { KeyspaceState, RunnerRef, ShardStore } from "../map/shard-store.ts";
import type { MoveEvent } from "./move-event.ts";

/** How a move is made. */
export interface MoveOptions {
  /** How long writes to the bucket may wait, as far as that is ours to say, ms (200). */
  readonly maxPauseMs: number;
  /** Sessions that write to the target during the copy (2). */
  readonly lanes: number;
  /** Rows a second of the copies, comparisons and deletions of one move; null: no limit. */
  readonly maxRate: number | null;
  /** They wait while more statements than this run on either server (`Threads_running`); null: no limit. */
  readonly maxThreads: number | null;
  /** They wait while a replica that a server of the move is, is so many seconds behind; null: no limit. */
  readonly maxLagS: number | null;
  /** Bound of one conversation with a server, ms (10,000). */
  readonly timeoutMs: number;
  /** How often a move that failed is taken over anew, before it is left to `dcs shard resume` (5). */
  readonly retries: number;
  /**
   * Keeps the way back open for so long after the flip, ms; null: no reverse window. A claim writes it into the record's plan, and
   * whoever goes on with the move keeps to that.
   */
  readonly windowMs: number | null;
  /** The window is closed when the target is so many changed rows behind (100,000). */
  readonly windowBacklog: number;
}

export const MOVE_OPTIONS: MoveOptions = {
  maxPauseMs: 200,
  lanes: 2,
  maxRate: null,
  maxThreads: null,
  maxLagS: null,
  timeoutMs: 10_000,
  retries: 5,
  windowMs: null,
  windowBacklog: 100_000,
};

/** What a move is made with. */
export interface MoveDeps {
  readonly shards: ShardStore;
  /** The keyspace as it was when the move was claimed or taken over. */
  readonly state: KeyspaceState;
  readonly clock: Clock;
  /** Where a shard is, with `${VAR}` filled in. Throws a DcsError. */
  readonly target: (shard: Shard) => MysqlTarget;
  /** A new name for this process on a lease that lives: for taking a move over. */
  readonly runner: () => Promise<RunnerRef>;
  readonly options: MoveOptions;
  /** Stops at the next safe point: before the seal at once, after it when the target is open. */
  readonly signal: AbortSignal;
  readonly onEvent?: (event: MoveEvent) => void;
  /**
   * Resolves once every failover candidate of the shard has what was committed there. Where semi-synchronous replication
   * to all candidates makes each COMMIT wait, or where there are none, it is left out.
   */
  readonly candidates?: (shard: Shard) => Promise<void>;
  /** Goes the way back that a reverse window kept open. */
  readonly undo?: boolean;
  /** For tests: awaited before and after each step, and inside of some. What it throws ends the run as if its process had died. */
  readonly failpoint?: (name: string) => void | Promise<void>;
}
