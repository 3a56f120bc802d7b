import type { LeaseId, Revision } from "../../store/store.ts";
import type { Keyspace, Shard } from "../keyspace.ts";
import type { MoveRecord } from "../move/move-record.ts";
import type { MovePhase } from "./move-phase.ts";

/** A keyspace as the store has it. */
export interface KeyspaceState {
  readonly keyspace: Keyspace;
  readonly shards: readonly Shard[];
  /** The store's revision of both: a change compares it. */
  readonly revision: Revision;
}

/** Who is to run a move. */
export interface RunnerRef {
  /** Unique for each claim and each takeover, so that one whose answer was lost can be told from another. */
  readonly id: string;
  /** Once it has ended, others may take the move over. One lease may serve several moves. */
  readonly lease: LeaseId;
  readonly host: string;
  readonly pid: number;
}

/** A move as everybody sees it. */
export interface MoveState {
  readonly record: MoveRecord;
  /** Null when its runner is gone: `resume` takes it over. */
  readonly runner: {
    readonly token: Revision;
    readonly id: string;
    readonly host: string;
    readonly pid: number;
    readonly lease: LeaseId | null;
  } | null;
  /** Null when nobody said anything yet, or its runner is gone. */
  readonly phase: MovePhase | null;
}

/** What is to be moved. */
export interface WantedClaim {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
  readonly plan: string;
}

export interface TakeOver {
  /** Takes it also from a runner that lives. */
  readonly force: boolean;
  /** The move is to be taken back. */
  readonly intent?: "abort";
}
