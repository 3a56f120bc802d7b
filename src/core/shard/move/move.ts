import { sleep } from "../../util/clock.ts";
import { backoffDelay } from "../../util/backoff.ts";
import type { MoverSession } from "../data/mover-session.ts";
import type { BucketState } from "../names.ts";
import { isLockMissed, type RowChange } from "./bucket-row.ts";
import type { MoveDeps } from "./move-deps.ts";
import { Stopped } from "./move-errors.ts";
import type { HeldMove, MoveRecord } from "./move-record.ts";
import type { MoveReport } from "./report.ts";
import { destroySide, openSession, openSide, type Side } from "./side.ts";

/** Between two requests for a row's lock that was not to be had: for so long writers go on. */
const AGAIN_OPEN = { initialMs: 50, factor: 2, maxMs: 2000 };
/** While the bucket is closed nobody is held up by waiting, so nearly all the time is spent in it. */
const AGAIN_CLOSED = { initialMs: 5, factor: 2, maxMs: 20 };
const WAIT_CLOSED_MS = 1000;

/** What the whole of a run knows, over all attempts. */
export interface RunState {
  /** The source is sealed, or may be: nobody can write, so it is gone on with whatever the signal says. */
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
  readonly #lanes: MoverSession[] = [];

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

  /** For tests; in every other case nothing. */
  async point(name: string): Promise<void> {
    await this.deps.failpoint?.(name);
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
        await side.rows.change({ bucket, seen: side.seen, to: row, owner, waitMs, ...(more && { more }) });
        side.seen = row;
        this.report.waits(null);
        return;
      } catch (error) {
        if (!isLockMissed(error)) throw error;
        this.mayStop();
        this.report.waits({ what: "writers", for: `transactions on ${side.shard.name} that hold the bucket` });
        const delay = backoffDelay(isClosed ? AGAIN_CLOSED : AGAIN_OPEN, attempt);
        await sleep(clock, delay, isClosed ? undefined : signal).catch(() => this.mayStop());
      }
    }
  }

  /** One more session to a side, closed with the attempt. */
  async lane(side: Side): Promise<MoverSession> {
    const session = await openSession(side, this.deps);
    this.#lanes.push(session);
    return session;
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
    for (const lane of this.#lanes) lane.destroy();
  }
}
