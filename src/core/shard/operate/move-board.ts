import type { Clock } from "../../util/clock.ts";
import type { MoveEvent, MoveResult, MoveStatus } from "../move/move-event.ts";
import type { WantedMove } from "../move/rebalancer.ts";

/** How far all the moves of one run are. */
export interface BoardView {
  /** Those under way, in the order in which they began. */
  readonly active: readonly MoveStatus[];
  /** The last ones that ended, newest last. */
  readonly ended: readonly MoveResult[];
  readonly total: number;
  readonly moved: number;
  readonly failed: number;
  /** 0 to 1. */
  readonly share: number;
  readonly elapsedMs: number;
  readonly etaMs: number | null;
  /** Of all moves that are under way, bytes a second. */
  readonly bytesPerS: number;
  readonly lastPauseMs: number | null;
  readonly longestPauseMs: number | null;
}

export interface BoardOptions {
  readonly wanted: readonly WantedMove[];
  /** What the plan said it would take, ms; null where there was none. */
  readonly expectedMs: number | null;
  readonly clock: Clock;
}

/** A move that has copied everything is not done: what its copy counts for. */
const COPY_SHARE = 0.9;
/** Before so much is done, the plan knows better how long it takes. */
const TRUSTED_SHARE = 0.05;

/** Keeps account of several moves by their events. */
export class MoveBoard {
  readonly #options: BoardOptions;
  readonly #begun: number;
  readonly #active = new Map<number, MoveStatus>();
  readonly #ended: MoveResult[] = [];
  readonly #bytes: ReadonlyMap<number, number>;
  #lastPauseMs: number | null = null;
  #longestPauseMs: number | null = null;

  constructor(options: BoardOptions) {
    this.#options = options;
    this.#begun = options.clock.monotonic();
    // A bucket without rows is work, too.
    this.#bytes = new Map(options.wanted.map(({ bucket, bytes }) => [bucket, Math.max(1, bytes ?? 0)]));
  }

  take(event: MoveEvent): void {
    const { status } = event;
    if (event.kind === "done") {
      this.#active.delete(status.bucket);
      this.#ended.push(event.result);
      return;
    }
    this.#active.set(status.bucket, status);
    if (event.kind !== "opened" || status.pauseMs === null) return;
    this.#lastPauseMs = status.pauseMs;
    this.#longestPauseMs = Math.max(this.#longestPauseMs ?? 0, status.pauseMs);
  }

  view(): BoardView {
    const { wanted, expectedMs, clock } = this.#options;
    const active = [...this.#active.values()];
    const moved = this.#ended.filter(({ outcome }) => outcome === "moved").length;
    const share = this.#share(active);
    const elapsedMs = clock.monotonic() - this.#begun;
    const byShare = share < TRUSTED_SHARE ? null : (elapsedMs * (1 - share)) / share;
    const byPlan = expectedMs === null ? null : Math.max(0, expectedMs - elapsedMs);
    return {
      active,
      ended: this.#ended,
      total: Math.max(wanted.length, active.length + this.#ended.length),
      moved,
      failed: this.#ended.length - moved,
      share,
      elapsedMs,
      etaMs: byShare ?? byPlan,
      bytesPerS: active.reduce((sum, { bytesPerS }) => sum + bytesPerS, 0),
      lastPauseMs: this.#lastPauseMs,
      longestPauseMs: this.#longestPauseMs,
    };
  }

  #share(active: readonly MoveStatus[]): number {
    const sizeOf = (bucket: number) => this.#bytes.get(bucket) ?? 1;
    const ended = new Set(this.#ended.map(({ bucket }) => bucket));
    const all = new Set([...this.#bytes.keys(), ...ended, ...active.map(({ bucket }) => bucket)]);
    const total = [...all].reduce((sum, bucket) => sum + sizeOf(bucket), 0);
    const done = [...ended].reduce((sum, bucket) => sum + sizeOf(bucket), 0);
    const half = active
      .filter(({ bucket }) => !ended.has(bucket))
      .reduce((sum, status) => sum + sizeOf(status.bucket) * COPY_SHARE * copied(status), 0);
    return total === 0 ? 1 : (done + half) / total;
  }
}

/** How much of a move's copy is done, 0 to 1. */
function copied({ step, rowsCopied, rowsTotal }: MoveStatus): number {
  if (step === "arm" || step === "take" || step === "purge" || step === "capture") return 0;
  if (step !== "copy") return 1;
  if (rowsTotal === null || rowsTotal === 0) return 0;
  return Math.min(1, rowsCopied / rowsTotal);
}
