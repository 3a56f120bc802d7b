import { backoffDelay } from "../../../util/backoff.ts";
import { sleep } from "../../../util/clock.ts";
import { Superseded } from "../../data/mover-transaction.ts";
import { MoveLost } from "../../map/move-lost.ts";
import { FENCE_WAIT_TIMEOUT_S, Fence, isLasting } from "../fence.ts";
import type { Move } from "../move.ts";
import { Died, FenceMissed, overBudget } from "../move-errors.ts";
import { applyRound, drainUnder, verifyDirty, verifyUnder } from "../plane.ts";
import { demandSameSchema, openSession, readPrepared } from "../side.ts";

/** Between two cuts: writers go on, and what they change is applied. */
const AGAIN = { initialMs: 20, factor: 2, maxMs: 2000 };
/** So often the cut is tried for nothing before the operator is told that the budget cannot be kept. */
const TRIES = 60;

/**
 * P6, P6b, P7: takes the row's lock, brings the rest of the log, seals. Precondition: verified, the log nearly empty, the store healthy
 * with our token in it. Up to the seal's COMMIT it may be left at any point and costs nothing: a lock that is lost, or held over the
 * budget, leads back to P4 under the same token. Resumed by P4, or where the seal was committed by P8.
 */
export async function cut(move: Move): Promise<"flip" | "apply"> {
  const { clock, signal } = move.deps;
  move.mayStop();
  try {
    await prepared(move);
    await seal(move);
    move.cuts = 0;
    return "flip";
  } catch (error) {
    if (!(error instanceof FenceMissed)) throw error;
    move.report.cutAgain(error.message);
    if (++move.cuts >= TRIES) throw overBudget(move, error);
    await sleep(clock, backoffDelay(AGAIN, move.cuts), signal).catch(() => move.mayStop());
    return "apply";
  }
}

/** The store answers, quickly enough, and the move is still ours: a bucket must not be closed that nobody could open. */
async function prepared(move: Move): Promise<void> {
  await verifyDirty(move);
  // As much as can be is done before the lock.
  await applyRound(move);
  move.pace.asked(await askStore(move));
  move.report.predicted(move.pace.whole);
  const { afterSeal } = move.pace;
  if (afterSeal > move.deps.options.maxPauseMs) {
    throw new FenceMissed(`store and target would take ${Math.round(afterSeal)} ms after the seal`);
  }
}

async function askStore(move: Move): Promise<number> {
  const { shards, clock } = move.deps;
  const { bucket } = move.record;
  const from = clock.monotonic();
  const now = await shards.move(bucket);
  if (now?.runner?.token !== move.token)
    throw new MoveLost(bucket, "another runner has it, or the lease has ended");
  return clock.monotonic() - from;
}

async function seal(move: Move): Promise<void> {
  const { src, dst, record, deps, report } = move;
  const { maxPauseMs } = deps.options;
  using fence = new Fence(await openSession(src, deps, FENCE_WAIT_TIMEOUT_S), record.bucket);
  const budget = new AbortController();
  // Whatever hangs, the lock is given back within the budget: the server rolls back a session that has gone.
  const cancel = deps.clock.timer(maxPauseMs, () => {
    budget.abort(new FenceMissed("the lock was held over the budget"));
    fence.session.destroy();
  });
  try {
    report.cutBegins();
    const row = await fence.lock(maxPauseMs / 2);
    if (row.state !== "moving" || row.epoch !== record.epoch || row.token !== move.token) {
      throw new MoveLost(record.bucket, `shard ${src.shard.name} has it as ${row.state}@${row.epoch}`);
    }
    await move.point("cut:locked");
    const healthy = askStore(move);
    const schemas = Promise.all([src, dst].map((side) => demandSameSchema(side, deps.state.keyspace)));
    for (const asked of [healthy, schemas]) asked.catch(() => {});
    await drainUnder(move, fence, budget.signal);
    if (!(await verifyUnder(move, fence, budget.signal))) {
      move.isVerified = false;
      throw new FenceMissed("rows differed, and were copied again");
    }
    await move.point("cut:drained");
    await move.candidates(dst);
    move.pace.asked(await healthy);
    await schemas;
    // Without their locks, and perhaps of this bucket.
    if ((await readPrepared(src)).size > 0) throw new FenceMissed("XA transactions are prepared");
    const late = report.cutMs + move.pace.afterSeal - maxPauseMs;
    if (late > 0) throw new FenceMissed(`it would have taken ${Math.round(late)} ms more than the budget`);
    if (!(await fence.seal(row, dst.shard.name))) throw new FenceMissed("the log was not empty");
  } catch (error) {
    throw isFenceLost(move, fence, budget.signal) ? missed(error) : error;
  } finally {
    cancel();
  }
  if (!fence.session.isUsable) throw new FenceMissed("the connection that held the lock was lost");
  await move.point("cut:sealing");
  // From here on it may be sealed, whatever we hear of it.
  move.run.isClosed = true;
  await fence.commit();
  src.seen = { state: "sealed", epoch: record.epoch + 1, token: move.token };
  await move.point("cut:sealed");
  await move.candidates(src);
}

/** Whatever failed, it was because the fence had gone; what the lanes did since is no more than another round of the log. */
function isFenceLost({ run }: Move, fence: Fence, budget: AbortSignal): boolean {
  return !run.isClosed && (budget.aborted || !fence.session.isUsable);
}

function missed(error: unknown): unknown {
  if (
    error instanceof FenceMissed ||
    error instanceof MoveLost ||
    error instanceof Superseded ||
    error instanceof Died ||
    isLasting(error)
  )
    return error;
  const why = error instanceof Error ? error.message : String(error);
  return new FenceMissed(`the lock was lost: ${why}`, { cause: error });
}
