import { backoffDelay } from "../../util/backoff.ts";
import { sleep } from "../../util/clock.ts";
import type { RowKey } from "../data/apply-keys.ts";
import type { MoverSession } from "../data/mover-session.ts";
import { makeThrottle, type Throttle } from "../data/throttle.ts";
import type { BucketState } from "../names.ts";
import type { TableInfo } from "../schema/table-info.ts";
import { Behind } from "./behind.ts";
import { isLockMissed, type RowChange } from "./bucket-row.ts";
import type { MoveDeps } from "./move-deps.ts";
import { Died, Stopped } from "./move-errors.ts";
import type { MoveStep } from "./move-event.ts";
import type { HeldMove, MoveRecord } from "./move-record.ts";
import { Pace } from "./pace.ts";
import type { MoveReport } from "./report.ts";
import { destroySide, openSession, openSide, type Side, sameTables } from "./side.ts";

/** Between two requests for a row's lock that was not to be had: for so long writers go on. */
const AGAIN_OPEN = { initialMs: 50, factor: 2, maxMs: 2000 };
/** While the bucket is closed nobody is held up by waiting, so nearly all the time is spent in it. */
const AGAIN_CLOSED = { initialMs: 5, factor: 2, maxMs: 20 };
const WAIT_CLOSED_MS = 1000;
/** Between two notes of one phase. */
const NOTE_MS = 1000;

/** What the whole of a run knows, over all attempts. */
export interface RunState {
  /**
   * As far as is known the bucket is closed, or may be: nobody can write, so it is gone on with whatever the signal says. Outlasts an
   * attempt: the next one finds out at R4.
   */
  isClosed: boolean;
}

/**
 * What a runner knows during one attempt: the record under its token, both servers, the rows as it saw them. All of it is
 * forgotten with the first failure.
 */
export class Move implements Disposable {
  readonly deps: MoveDeps;
  readonly report: MoveReport;
  readonly run: RunState;
  src: Side;
  dst: Side;
  held: HeldMove;
  readonly pace: Pace;
  readonly behind: Behind;
  /** Keys that were brought since they were compared; null before P5. */
  dirty: Map<string, RowKey> | null = null;
  /** P5 is done. */
  isVerified = false;
  /** Cuts that were given up. */
  cuts = 0;
  #noting = false;
  #notedAt = Number.NEGATIVE_INFINITY;
  #throttle: Promise<Throttle> | null = null;
  readonly #extra: MoverSession[] = [];

  static async open(held: HeldMove, deps: MoveDeps, report: MoveReport, run: RunState): Promise<Move> {
    const opened = await Promise.allSettled(
      [held.record.src, held.record.dst].map((name) => openSide(name, deps)),
    );
    const [src, dst] = opened.map((each) => (each.status === "fulfilled" ? each.value : null));
    if (src && dst) return new Move(held, deps, report, run, src, dst);
    for (const side of [src, dst]) if (side) destroySide(side);
    const failed = opened.find((each) => each.status === "rejected");
    throw failed?.reason;
  }

  private constructor(
    held: HeldMove,
    deps: MoveDeps,
    report: MoveReport,
    run: RunState,
    src: Side,
    dst: Side,
  ) {
    this.held = held;
    this.deps = deps;
    this.report = report;
    this.run = run;
    this.src = src;
    this.dst = dst;
    this.pace = new Pace(deps.clock);
    this.behind = new Behind(deps.clock);
  }

  get record(): MoveRecord {
    return this.held.record;
  }

  get token(): number {
    return this.held.token;
  }

  /** The record was turned round: it is a move back from here on. */
  turnRound(): void {
    [this.src, this.dst] = [this.dst, this.src];
  }

  /** A phase begins. Whoever asks `dcs shard status` is told so; a store that does not answer holds nothing up. */
  began(step: MoveStep): void {
    this.report.step(step);
    this.#notedAt = Number.NEGATIVE_INFINITY;
    this.note();
  }

  /** Writes for people where the move is, once in a while. */
  note(): void {
    const now = this.deps.clock.monotonic();
    if (now - this.#notedAt < NOTE_MS) return;
    this.#notedAt = now;
    const { step, rowsCopied, rowsTotal, applied, backlog, bytesPerS, pauseMs, since } = this.report.status;
    const phase = { phase: step, rowsCopied, rowsTotal, applied, backlog, bytesPerS, pauseMs, since };
    if (this.#noting || this.run.isClosed) return;
    this.#noting = true;
    void this.deps.shards
      .notePhase(this.held, phase)
      .catch(() => {})
      .finally(() => {
        this.#noting = false;
      });
  }

  /** For tests; in every other case nothing. */
  async point(name: string): Promise<void> {
    try {
      await this.deps.failpoint?.(name);
    } catch (error) {
      throw new Died(name, { cause: error });
    }
  }

  /** A safe point: nothing is held, applications can write. */
  mayStop(): void {
    if (this.deps.signal.aborted && !this.run.isClosed) throw new Stopped("the signal stopped the move");
  }

  /**
   * Changes the row of a side from what was seen. Each request for its lock is bounded, because writers that come later wait
   * behind it; in between they go on.
   */
  async change(
    side: Side,
    to: { readonly state: BucketState; readonly epoch: number },
    more?: RowChange["more"],
  ): Promise<void> {
    const { bucket, src, dst } = this.record;
    const { clock, options, signal } = this.deps;
    const row = { ...to, token: this.token };
    const isHere = to.state === "owned" || to.state === "moving";
    const owner = isHere ? side.shard.name : side.shard.name === src ? dst : src;
    for (let attempt = 0; ; attempt++) {
      const { isClosed } = this.run;
      const waitMs = isClosed ? WAIT_CLOSED_MS : Math.max(10, options.maxPauseMs / 2);
      try {
        const from = clock.monotonic();
        await side.rows.change({ bucket, seen: side.seen, to: row, owner, waitMs, ...(more && { more }) });
        side.seen = row;
        this.pace.changed(clock.monotonic() - from);
        this.report.waits(null);
        return;
      } catch (error) {
        if (!isLockMissed(error)) throw error;
        this.mayStop();
        this.report.waits({
          what: "writers",
          for: `transactions on ${side.shard.name} that hold the bucket`,
        });
        const delay = backoffDelay(isClosed ? AGAIN_CLOSED : AGAIN_OPEN, attempt);
        await sleep(clock, delay, isClosed ? undefined : signal).catch(() => this.mayStop());
      }
    }
  }

  /** The sharded tables, the same on both sides. Throws SHARD_SCHEMA_DIFFERS. */
  get tables(): readonly TableInfo[] {
    return sameTables(this.src, this.dst);
  }

  /** Keeps copies, comparisons and deletions to what the options allow. */
  async throttle(rows: number, signal: AbortSignal): Promise<void> {
    this.#throttle ??= this.#makeThrottle();
    await (await this.#throttle)(rows, signal);
  }

  /** ⏳ Waits until the failover candidates of a side have what was committed there. */
  async candidates(side: Side): Promise<void> {
    const { candidates } = this.deps;
    if (candidates === undefined) return;
    this.report.waits({ what: "candidates", for: `failover candidates of ${side.shard.name}` });
    await candidates(side.shard);
    this.report.waits(null);
  }

  [Symbol.dispose](): void {
    destroySide(this.src);
    destroySide(this.dst);
    for (const session of this.#extra) session.destroy();
  }

  async #makeThrottle(): Promise<Throttle> {
    const { clock, options } = this.deps;
    const { maxRate, maxThreads, maxLagS } = options;
    const isWatched = maxThreads !== null || maxLagS !== null;
    if (isWatched) {
      for (const side of [this.src, this.dst]) this.#extra.push(await openSession(side, this.deps));
    }
    return makeThrottle({
      clock,
      ...(maxRate !== null && { maxRate }),
      ...(maxThreads !== null && { maxThreads }),
      ...(maxLagS !== null && { maxLagS }),
      watched: this.#extra,
      onWait: (why) => this.report.waits(why === null ? null : { what: "servers", for: why }),
    });
  }
}
