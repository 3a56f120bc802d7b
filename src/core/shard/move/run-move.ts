import { type DcsError, isDcsError } from "../../errors.ts";
import { backoffDelay } from "../../util/backoff.ts";
import { sleep } from "../../util/clock.ts";
import { Move, type RunState } from "./move.ts";
import type { MoveDeps } from "./move-deps.ts";
import { Died, isFinal, Stopped, sayFailure } from "./move-errors.ts";
import type { MoveOutcome, MoveResult } from "./move-event.ts";
import type { HeldMove } from "./move-record.ts";
import { otherToWaitFor } from "./other-bucket.ts";
import { runPhases } from "./phases.ts";
import { MoveReport } from "./report.ts";

/** Between two attempts while applications can write, and while they cannot. */
const AGAIN_OPEN = { initialMs: 200, factor: 2, maxMs: 5000 };
const AGAIN_CLOSED = { initialMs: 10, factor: 2, maxMs: 500 };
/** A bucket that is closed is not left alone: without a signal never, after one for so long, ms. */
const CLOSED_PATIENCE_MS = 10_000;

/**
 * Brings one move to its end: the whole of docs/shards-protocol.md, from a claim or a takeover. After a failure it forgets everything
 * and takes the move over anew, as often as the options say, and without a limit while the bucket is closed. Never rejects for what a
 * server or the store does: the result says it.
 */
export async function runMove(
  held: HeldMove,
  deps: MoveDeps,
  rowsTotal: number | null = null,
): Promise<MoveResult> {
  const report = new MoveReport(held, deps, rowsTotal);
  const run = new MoveRun(deps, report);
  const { outcome, error } = await run.toItsEnd(held);
  return report.done(report.result(outcome, error));
}

interface Ended {
  readonly outcome: MoveOutcome;
  readonly error: DcsError | null;
}

interface Failure {
  readonly reason: unknown;
  /** The record as it was known then. */
  readonly held: HeldMove;
}

class MoveRun {
  readonly #deps: MoveDeps;
  readonly #report: MoveReport;
  readonly #state: RunState = { isClosed: false };
  #failures = 0;
  /** Times that it was not its turn yet. */
  #waits = 0;
  #rowsBefore = 0;
  #patienceEnds: number | null = null;

  constructor(deps: MoveDeps, report: MoveReport) {
    this.#deps = deps;
    this.#report = report;
  }

  async toItsEnd(first: HeldMove): Promise<Ended> {
    for (let held = first; ; ) {
      const ended = await this.#attempt(held);
      if ("outcome" in ended) return ended;
      const next = await this.#takeUp(ended);
      if ("outcome" in next) return next;
      held = next;
    }
  }

  async #attempt(held: HeldMove): Promise<Ended | Failure> {
    let known = held;
    try {
      using move = await Move.open(held, this.#deps, this.#report, this.#state);
      try {
        await runPhases(move);
      } finally {
        known = move.held;
      }
      return { outcome: outcomeOf(known), error: null };
    } catch (reason) {
      if (reason instanceof Died) throw reason;
      return { reason, held: known };
    }
  }

  /** After a failure: a new token for the same move, or how it ends here. */
  async #takeUp({ reason, held }: Failure): Promise<HeldMove | Ended> {
    const { bucket } = held.record;
    let why = reason;
    for (;;) {
      const other = await this.#otherToWaitFor(why, held);
      const end = other === null ? this.#givenUp(why, held) : null;
      if (end !== null) return end;
      const delay = other === null ? this.#delay() : backoffDelay(AGAIN_OPEN, this.#waits++);
      if (other === null) this.#report.retry(this.#say(why, held), this.#failures, delay);
      else this.#report.waits({ what: "bucket", for: other });
      const isStopped = await this.#pause(delay);
      if (isStopped) return { outcome: "stopped", error: null };
      try {
        const { shards, runner } = this.#deps;
        const next = await shards.takeOver(bucket, await runner(), { force: false });
        if (next !== null) return next;
        // Gone: by another runner, unless it was our own last step whose answer was lost.
        const isOurs = this.#report.status.step === "end";
        return { outcome: isOurs ? outcomeOf(held) : "superseded", error: null };
      } catch (error) {
        if (isDcsError(error, "SHARD_BUSY")) return { outcome: "superseded", error: null };
        why = error;
      }
    }
  }

  /** What there is to wait for, which is no failure. A store that does not answer is asked again by the takeover. */
  async #otherToWaitFor(reason: unknown, { record }: HeldMove): Promise<string | null> {
    const { shards, signal } = this.#deps;
    if (this.#state.isClosed || signal.aborted) return null;
    return otherToWaitFor(reason, record, shards).catch(() => null);
  }

  /** How the move ends here, when it is not to be taken up again. Counts the failure. */
  #givenUp(reason: unknown, held: HeldMove): Ended | null {
    const { signal, options } = this.#deps;
    const { isClosed } = this.#state;
    if (reason instanceof Stopped || (signal.aborted && !isClosed))
      return { outcome: "stopped", error: null };
    const { rowsCopied } = this.#report.status;
    // Whoever gets on is not stuck.
    if (rowsCopied > this.#rowsBefore) this.#failures = 0;
    this.#rowsBefore = rowsCopied;
    this.#failures += 1;
    // A row that no step leads from is one for a person, also where nobody can write.
    const isOver = isClosed
      ? isDcsError(reason, "SHARD_STATE") || this.#isOutOfPatience()
      : isFinal(reason) || this.#failures > options.retries;
    return isOver ? { outcome: "failed", error: this.#say(reason, held) } : null;
  }

  #say(reason: unknown, { record }: HeldMove): DcsError {
    const { state, target } = this.#deps;
    const own = state.shards.filter(({ name }) => name === record.src || name === record.dst);
    // Where one of the URLs cannot be read, that is the failure.
    if (isDcsError(reason)) return reason;
    const places = own.map((shard) => ({ shard: shard.name, shown: target(shard).shown }));
    return sayFailure(reason, record, places);
  }

  #isOutOfPatience(): boolean {
    const { signal, clock } = this.#deps;
    if (!signal.aborted) return false;
    this.#patienceEnds ??= clock.monotonic() + CLOSED_PATIENCE_MS;
    return clock.monotonic() >= this.#patienceEnds;
  }

  #delay(): number {
    return backoffDelay(this.#state.isClosed ? AGAIN_CLOSED : AGAIN_OPEN, this.#failures - 1);
  }

  /** True when the signal came, and the move may be left. */
  async #pause(ms: number): Promise<boolean> {
    const { clock, signal } = this.#deps;
    if (this.#state.isClosed) {
      await sleep(clock, ms);
      return false;
    }
    await sleep(clock, ms, signal).catch(() => {});
    return signal.aborted;
  }
}

/** Where the bucket is now. Of a reverse window the record is the move back. */
function outcomeOf({ isFlipped, record }: HeldMove): "moved" | "aborted" {
  return isFlipped !== record.isReverse ? "moved" : "aborted";
}
