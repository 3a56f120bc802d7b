import { isDcsError } from "../../errors.ts";
import { LeaseKeeper } from "../../lease/keeper.ts";
import type { KeyValue, Revision, Store } from "../../store/store.ts";
import type { Clock } from "../../util/clock.ts";
import { modeMixed, placeLost } from "../lock-errors.ts";
import type { Token } from "../lock-token.ts";
import { departed } from "./departed.ts";
import type { Lines } from "./lines.ts";
import { queueKey } from "./lock-keys.ts";
import type { Asked, LockQueue } from "./lock-queue.ts";
import { toHolder } from "./lock-states.ts";
import type { QueueView, Seat } from "./queue-view.ts";
import { isTurn, mixedWith, type Obstacle, obstacle } from "./turns.ts";

export interface Waiting {
  readonly store: Store;
  readonly queue: LockQueue;
  readonly lines: Lines;
  readonly clock: Clock;
  readonly request: Asked;
  readonly token: Token;
  /** When the place was taken. */
  readonly revision: Revision;
  /** Monotonic ms by which its lease ends. */
  readonly deadline: number;
}

/** A place that may hold, and until when its lease is good. */
export interface Turn {
  readonly place: KeyValue;
  readonly deadline: number;
}

const TIMED_OUT = Symbol("timed out");
const PLACE_LOST = Symbol("place lost");

/**
 * Keeps a place until it may hold. LOCK_MODE_MIXED when it never may beside those who hold. Null when the wait ran out;
 * rejects with LOCK_LOST when the place was lost, or with the signal's reason.
 */
export async function waitForTurn(waiting: Waiting): Promise<Turn | null> {
  const { store, clock, request, token } = waiting;
  const keeper = new LeaseKeeper({
    ttlMs: request.ttlMs,
    deadline: waiting.deadline,
    renew: (signal) => store.keepAlive(token.lease, { signal }),
    isGone: (error) => isDcsError(error, "LEASE_NOT_FOUND"),
    clock,
  });
  const stop = new AbortController();
  const cancel = Number.isFinite(request.waitMs)
    ? clock.timer(request.waitMs, () => stop.abort(TIMED_OUT))
    : () => {};
  const onAbort = () => stop.abort(request.signal?.reason);
  request.signal?.addEventListener("abort", onAbort, { once: true });
  // It may have aborted while the place was being taken.
  if (request.signal?.aborted) onAbort();
  keeper.start();
  void keeper.lost.then(() => stop.abort(PLACE_LOST));
  try {
    const place = await becomeHolder(waiting, stop.signal).catch((error: unknown) => {
      // A call to the store that the signal ended rejects with the signal's reason.
      if (stop.signal.aborted && error === stop.signal.reason) return null;
      throw error;
    });
    if (place !== null) return { place, deadline: keeper.deadline };
    if (stop.signal.reason === TIMED_OUT) return null;
    throw stop.signal.reason === PLACE_LOST ? placeLost(request.name) : stop.signal.reason;
  } finally {
    keeper.stop();
    cancel();
    request.signal?.removeEventListener("abort", onAbort);
    stop.abort();
  }
}

/** Waits until our place may hold; null when `signal` aborted before. */
async function becomeHolder(waiting: Waiting, signal: AbortSignal): Promise<KeyValue | null> {
  using line = waiting.lines.enter(waiting.request.name);
  // Awaited here: the line is left when the wait is over.
  return await (line.view === null ? waitAlone(waiting, signal) : waitTogether(waiting, line.view, signal));
}

/** Looks at the queue, and again when what was in the way has gone. */
async function waitAlone(waiting: Waiting, signal: AbortSignal): Promise<KeyValue | null> {
  const { store, request } = waiting;
  let told = false;
  let from = waiting.revision + 1;
  while (!signal.aborted) {
    const { places, mine, before } = await lookFor(waiting);
    const place = places[mine];
    if (place !== undefined && isTurn(places, mine)) return place;
    const mixed = mixedWith(places, request.mode);
    if (mixed !== null) throw modeMixed(request, await toHolder(store, request.name, mixed));
    if (!told && request.onWait !== undefined && places[0] !== undefined) {
      told = true;
      request.onWait(await toHolder(store, request.name, places[0], signal));
    }
    if (before !== null) from = await departed(store, request.name, before, from, signal);
  }
  return null;
}

/** The queue as far as it concerns our place, whose index is below 0 where it is far behind, and what is in its way. */
async function lookFor({ queue, request: { name, mode }, token }: Waiting): Promise<{
  readonly places: readonly KeyValue[];
  readonly mine: number;
  readonly before: Obstacle | null;
}> {
  const at = (places: readonly KeyValue[]) => places.findIndex((place) => place.lease === token.lease);
  let { places, isWhole } = await queue.head(name);
  if (at(places) < 0 && !isWhole) {
    if (mode.type === "exclusive") {
      const place = await queue.place(name, token.lease);
      if (place === null) throw placeLost(name);
      const before = await queue.before(name, place.createRevision);
      return { places, mine: -1, before: before === null ? null : { places: [before], most: 0 } };
    }
    places = await queue.places(name);
  }
  const mine = at(places);
  if (mine < 0) throw placeLost(name);
  return { places, mine, before: obstacle(places.slice(0, mine), mode) };
}

/** Sits with others of this process until the view they share sees our turn. */
async function waitTogether(
  { store, queue, clock, request, token, revision }: Waiting,
  view: QueueView,
  signal: AbortSignal,
): Promise<KeyValue | null> {
  const { name, mode, onWait } = request;
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  let isOver = false;
  const seat: Seat = {
    key: queueKey(name, token.lease),
    mode,
    revision,
    onBehind: (first) => {
      if (onWait === undefined) return;
      const told = view.show(first, clock.monotonic()).then((holder) => isOver || onWait(holder));
      told.catch(reject);
    },
    onTurn: () => resolve(true),
    onLost: () => reject(placeLost(name)),
    onMixed: (first) =>
      void toHolder(store, name, first).then((held) => reject(modeMixed(request, held)), reject),
    onError: reject,
  };
  const onAbort = () => resolve(false);
  signal.addEventListener("abort", onAbort, { once: true });
  view.sit(seat);
  try {
    if (signal.aborted || !(await promise)) return null;
    // The view may be late: our own place is looked at once more (etcd#11456).
    const place = await queue.place(name, token.lease);
    if (place === null) throw placeLost(name);
    return place;
  } finally {
    isOver = true;
    signal.removeEventListener("abort", onAbort);
    view.leave(seat);
  }
}
