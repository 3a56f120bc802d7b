import type { Store } from "../../store/store.ts";
import type { MoveDeps } from "./move-deps.ts";
import type { MoveResult } from "./move-event.ts";

export interface RebalancerDeps extends Omit<MoveDeps, "runner" | "state"> {
  readonly store: Store;
  /** Moves at once (2). */
  readonly concurrency: number;
  /** Of the lease of this process, ms (10,000): when it dies, others may take its moves over after so long. */
  readonly ttlMs: number;
}

/** One bucket that is to go from one shard to another. */
export interface WantedMove {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
  /** As the plan estimated it. */
  readonly rows?: number;
  readonly bytes?: number;
}

export interface RebalanceResult {
  /** In the order in which they ended. */
  readonly results: readonly MoveResult[];
  /** Those that were not begun, because of the signal or a failure before them. */
  readonly left: readonly WantedMove[];
}

/** Which moves, of those there are. */
export interface MoveChoice {
  /** All of them unless given. */
  readonly buckets?: readonly number[];
  /** Takes a move from a runner that lives, too; without it such a one is SHARD_BUSY when it was named, and left alone when not. */
  readonly force?: boolean;
}

/** Runs several moves at once, under one lease of this process. */
export class Rebalancer implements AsyncDisposable {
  /** Grants the lease, and keeps it until the disposal. */
  static open(_deps: RebalancerDeps): Promise<Rebalancer> {
    return Promise.reject(new Error("not yet"));
  }

  /**
   * Moves buckets, `concurrency` at a time, claiming each when its turn comes; `plan` goes into their records. Rejects before anything is
   * begun with SHARD_BUSY when another process moves buckets now, or with what the preflight of a shard found.
   */
  run(_moves: readonly WantedMove[], _plan: string): Promise<RebalanceResult> {
    return Promise.reject(new Error("not yet"));
  }

  /** Goes on with moves whose runner is gone. */
  resume(_choice: MoveChoice = {}): Promise<RebalanceResult> {
    return Promise.reject(new Error("not yet"));
  }

  /** Takes moves back that have not flipped; closes a reverse window. SHARD_TOO_LATE after the flip. */
  abort(_choice: MoveChoice = {}): Promise<RebalanceResult> {
    return Promise.reject(new Error("not yet"));
  }

  /** Goes the way back that a reverse window kept open. */
  undo(_choice: MoveChoice = {}): Promise<RebalanceResult> {
    return Promise.reject(new Error("not yet"));
  }

  /** Lets go of what is left: the lease ends, and others may take it over at once. */
  async [Symbol.asyncDispose](): Promise<void> {}
}
