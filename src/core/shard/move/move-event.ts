import type { DcsError } from "../../errors.ts";

/** Where a runner is; docs/shards-protocol.md has the steps behind the names. */
export const MOVE_STEPS = [
  "arm",
  "take",
  "give back",
  "purge",
  "capture",
  "copy",
  "apply",
  "verify",
  "cut",
  "flip",
  "open",
  "retire",
  "window",
  "clean",
  "end",
] as const;
export type MoveStep = (typeof MOVE_STEPS)[number];

/** What a move or its step waits for. */
export interface MoveWait {
  /**
   * `writers`: transactions that hold the bucket's row. `routers`: those that have not said that they have the new map. `bucket`: another
   * one, whose old row at the target has a key of this one. `backlog`: the log, which writers make longer than the move makes it shorter.
   * `servers`: those that `--throttle-threads` or `--throttle-lag` keeps it away from.
   */
  readonly what: "writers" | "routers" | "candidates" | "servers" | "window" | "bucket" | "backlog";
  /** For people: which ones. */
  readonly for: string;
  /** Epoch ms. */
  readonly since: number;
}

/** How far one move is. Counts are those of this process since it has the move. */
export interface MoveStatus {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
  readonly step: MoveStep;
  /** Epoch ms of the step's beginning. */
  readonly since: number;
  readonly rowsCopied: number;
  /** As the plan estimated it; null where it is not known. */
  readonly rowsTotal: number | null;
  readonly bytesCopied: number;
  readonly bytesPerS: number;
  /** Changed rows brought after the copy. */
  readonly applied: number;
  /** Changed rows that wait. */
  readonly backlog: number;
  /** How long writes to the bucket would wait if the cut were now; null before it was measured. */
  readonly predictedPauseMs: number | null;
  /** How long they did. */
  readonly pauseMs: number | null;
  readonly waiting: MoveWait | null;
}

export type MoveOutcome =
  /** Done. */
  | "moved"
  /** Taken back: everything is as it was before. */
  | "aborted"
  /** The signal stopped it at a safe point: applications write as before, `dcs shard resume` goes on with it. */
  | "stopped"
  /** Another runner has it, or has ended it. */
  | "superseded"
  /** It could not go on: `error` says why; `dcs shard resume` goes on with it. */
  | "failed";

export interface MoveResult {
  readonly bucket: number;
  readonly src: string;
  readonly dst: string;
  readonly outcome: MoveOutcome;
  readonly rows: number;
  readonly bytes: number;
  readonly applied: number;
  readonly durationMs: number;
  readonly predictedPauseMs: number | null;
  readonly pauseMs: number | null;
  /** By table: what verification counted and summed up on both sides. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Rows that verification had to copy again: none, unless something is wrong. */
  readonly differences: readonly string[];
  readonly error: DcsError | null;
}

/** What happens to a move, for whoever watches it. */
export type MoveEvent = { readonly status: MoveStatus } & (
  | { readonly kind: "step" | "progress" | "waiting" }
  /** The lock of the cut was not held to its end: applications went on, and it is tried again. */
  | { readonly kind: "cut again"; readonly why: string; readonly heldMs: number }
  /** Verification found rows that the log does not explain. */
  | { readonly kind: "different"; readonly keys: readonly string[] }
  /** Something failed: everything is forgotten and the move taken over anew after `delayMs`. */
  | { readonly kind: "retry"; readonly error: DcsError; readonly attempt: number; readonly delayMs: number }
  /** The target is open: `status.pauseMs`. */
  | { readonly kind: "opened" }
  | { readonly kind: "done"; readonly result: MoveResult }
);
