import { type DcsError, isDcsError } from "../errors.ts";
import { LeaseKeeper } from "../lease/keeper.ts";
import { LOCK_RECORD_PREFIX } from "../store/keys.ts";
import type { Holder, KeyValue, Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import type { AcquireRequest, Hold, LockDriver, LockEvent, LockState, Renewal } from "./lock.ts";
import { lockHeld, lockNotOwned, placeLost, ttlInvalid } from "./lock-errors.ts";
import { type LockRecord, placesOf, queueKey, queuePrefix, recordKey } from "./lock-keys.ts";
import { checkLockName } from "./lock-name.ts";
import { readStates, toHolder } from "./lock-states.ts";
import { newToken, parseToken, proofOf, type Token } from "./lock-token.ts";
import { watchLocks } from "./watch-locks.ts";

/**
 * Locks on any store, by the queue of etcd's concurrency package: put a key on a lease of one's own, the lowest create
 * revision holds, everyone else watches the place before his. First come first served; the fence is the create revision.
 */
export class StoreLocks implements LockDriver {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #ownsStore: boolean;

  /** With `ownsStore`, closing the locks closes the store. */
  constructor(store: Store, clock: Clock, { ownsStore = false }: { readonly ownsStore?: boolean } = {}) {
    this.#store = store;
    this.#clock = clock;
    this.#ownsStore = ownsStore;
  }

  get backend(): string {
    return this.#store.kind;
  }

  get url(): string {
    return this.#store.url;
  }

  get capabilities(): LockDriver["capabilities"] {
    return this.#store.capabilities;
  }

  async acquire(request: AcquireRequest): Promise<Hold> {
    const name = checkLockName(request.name);
    const ttlMs = this.#checkTtl(request.ttlMs);
    if (request.waitMs <= 0) {
      const [first] = await this.#places(name, request.signal);
      if (first !== undefined) throw await this.#held(request, 0);
    }
    const token = newToken();
    const sent = this.#clock.monotonic();
    try {
      const { revision } = await this.#enqueue(request, token, ttlMs);
      const [first] = await this.#places(name, request.signal);
      if (first?.lease === token.lease) {
        if (request.detached && !grantedDetached(request))
          return await this.#detach(request, token, first, ttlMs);
        return this.#hold(name, token, first.createRevision, ttlMs, sent + ttlMs);
      }
      if (request.waitMs <= 0) throw await this.#held(request, 0);
      return await this.#wait(request, token, revision, sent + ttlMs, ttlMs);
    } catch (error) {
      // Whatever went wrong, our place must not stay in the queue; the lease's TTL is the second line.
      await this.#store.revoke(token.lease).catch(() => {});
      throw error;
    }
  }

  async renew(name: string, token: string, signal?: AbortSignal): Promise<Renewal> {
    const { lease } = await this.#owned(name, token, signal);
    const sent = this.#clock.monotonic();
    try {
      const { ttlMs } = await this.#store.keepAlive(lease, options(signal));
      return { ttlMs, deadline: sent + ttlMs, expiresAt: this.#epochOf(sent + ttlMs) };
    } catch (error) {
      if (isDcsError(error, "LEASE_NOT_FOUND")) throw lockNotOwned(name, null, error);
      throw error;
    }
  }

  async release(name: string, token: string, signal?: AbortSignal): Promise<void> {
    const { lease } = await this.#owned(name, token, signal);
    await this.#store.revoke(lease, options(signal));
  }

  async setHolder(name: string, token: string, holder: Holder, signal?: AbortSignal): Promise<void> {
    const { lease } = await this.#owned(name, token, signal);
    await this.#store.setHolder(lease, holder, options(signal));
  }

  async gone(name: string, token: string, signal: AbortSignal): Promise<void> {
    const lease = parseToken(token)?.lease;
    if (lease === undefined) return;
    const key = queueKey(checkLockName(name), lease);
    const { kvs, revision } = await this.#store.list(key, { signal });
    if (!kvs.some((kv) => kv.key === key)) return;
    for await (const batch of this.#store.watch(key, revision + 1, signal)) {
      const present = batch.events.some((event) => event.type === "put" && event.kv.key === key);
      const deleted = batch.events.some((event) => event.type === "delete" && event.key === key);
      if (!present && (deleted || batch.resync)) return;
    }
  }

  async list(signal?: AbortSignal): Promise<readonly LockState[]> {
    const { kvs } = await this.#store.list(LOCK_RECORD_PREFIX, options(signal));
    return readStates(this.#store, kvs, signal);
  }

  async inspect(name: string, signal?: AbortSignal): Promise<LockState | null> {
    const places = await this.#places(checkLockName(name), signal);
    const holders = await Promise.all(places.map((place) => toHolder(this.#store, name, place, signal)));
    const [holder, ...waiters] = holders;
    return holder === undefined ? null : { name, holder, waiters };
  }

  watch(name: string | null, signal: AbortSignal): AsyncIterable<LockEvent> {
    return watchLocks(this.#store, name === null ? null : checkLockName(name), signal);
  }

  async close(): Promise<void> {
    if (this.#ownsStore) await this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #enqueue(request: AcquireRequest, token: Token, ttlMs: number): Promise<{ revision: number }> {
    const { name, holder, detached } = request;
    const lease = token.lease;
    const record: LockRecord = {
      holder,
      reason: request.reason ?? null,
      proof: proofOf(token.text),
      since: this.#clock.now(),
      ttlMs,
      detached,
    };
    return this.#store.txn(
      {
        compares: [{ key: queueKey(name, lease), is: "absent" }],
        ops: [
          { put: queueKey(name, lease), value: "", lease },
          { put: recordKey(name, lease), value: JSON.stringify(record), lease },
        ],
        grant: { id: lease, ttlMs, holder, detached: grantedDetached(request) },
      },
      options(request.signal),
    );
  }

  async #wait(
    request: AcquireRequest,
    token: Token,
    revision: number,
    deadline: number,
    ttlMs: number,
  ): Promise<Hold> {
    const { name } = request;
    const keeper = new LeaseKeeper({
      ttlMs,
      deadline,
      renew: (signal) => this.#store.keepAlive(token.lease, { signal }),
      isGone: (error) => isDcsError(error, "LEASE_NOT_FOUND"),
      clock: this.#clock,
    });
    const stop = new AbortController();
    const timer = Number.isFinite(request.waitMs)
      ? this.#clock.timer(request.waitMs, () => stop.abort(TIMED_OUT))
      : () => {};
    const onAbort = () => stop.abort(request.signal?.reason);
    request.signal?.addEventListener("abort", onAbort, { once: true });
    keeper.start();
    void keeper.lost.then(() => stop.abort(PLACE_LOST));
    try {
      const place = await this.#myTurn(request, token, revision, stop.signal);
      if (place === null) {
        if (stop.signal.reason === TIMED_OUT) throw await this.#held(request, request.waitMs);
        if (stop.signal.reason === PLACE_LOST) throw placeLost(name);
        throw stop.signal.reason;
      }
      if (request.detached) return await this.#detach(request, token, place, ttlMs);
      return this.#hold(name, token, place.createRevision, ttlMs, keeper.deadline);
    } finally {
      keeper.stop();
      timer();
      request.signal?.removeEventListener("abort", onAbort);
      stop.abort();
    }
  }

  /** Waits until our place is the first; null when `signal` aborted before. */
  async #myTurn(
    request: AcquireRequest,
    token: Token,
    revision: number,
    signal: AbortSignal,
  ): Promise<KeyValue | null> {
    let told = false;
    let from = revision + 1;
    while (!signal.aborted) {
      const places = await this.#places(request.name);
      const mine = places.findIndex((place) => place.lease === token.lease);
      const place = places[mine];
      const before = places[mine - 1];
      if (place === undefined) throw placeLost(request.name);
      if (before === undefined) return place;
      if (!told && request.onWait !== undefined && places[0] !== undefined) {
        told = true;
        request.onWait(await toHolder(this.#store, request.name, places[0], signal));
      }
      from = await this.#deleted(before, from, signal);
    }
    return null;
  }

  /** Resolves when that very place is gone, with the revision to watch from next. */
  async #deleted(place: KeyValue, from: number, signal: AbortSignal): Promise<number> {
    for await (const batch of this.#store.watch(place.key, from, signal)) {
      const gone = batch.events.some((event) => event.type === "delete" && event.key === place.key);
      const there = batch.events.some((event) => event.type === "put" && event.kv.key === place.key);
      if (gone || (batch.resync && !there)) return batch.revision + 1;
    }
    return from;
  }

  /** From here on no process keeps the hold: grants the same lease anew as a detached one, if its place is still there. */
  async #detach(request: AcquireRequest, token: Token, place: KeyValue, ttlMs: number): Promise<Hold> {
    const sent = this.#clock.monotonic();
    const { succeeded } = await this.#store.txn(
      {
        compares: [{ key: place.key, createRevision: place.createRevision }],
        ops: [],
        grant: { id: token.lease, ttlMs, holder: request.holder, detached: true },
      },
      options(request.signal),
    );
    if (!succeeded) throw placeLost(request.name);
    return this.#hold(request.name, token, place.createRevision, ttlMs, sent + ttlMs);
  }

  #hold(name: string, token: Token, fence: number, ttlMs: number, deadline: number): Hold {
    return {
      name,
      token: token.text,
      fence,
      ttlMs,
      deadline,
      expiresAt: this.#epochOf(deadline),
      lease: token.lease,
    };
  }

  async #places(name: string, signal?: AbortSignal): Promise<readonly KeyValue[]> {
    const { kvs } = await this.#store.list(queuePrefix(name), options(signal));
    return placesOf(name, kvs);
  }

  /** The token's lease, if the token is that of the present holder. */
  async #owned(name: string, text: string, signal?: AbortSignal): Promise<Token> {
    checkLockName(name);
    const token = parseToken(text);
    const [[first], record] = await Promise.all([
      this.#places(name, signal),
      token === null ? null : this.#store.get(recordKey(name, token.lease), options(signal)),
    ]);
    if (token !== null && record !== null && first?.lease === token.lease) {
      if ((JSON.parse(record.value) as LockRecord).proof === proofOf(text)) return token;
    }
    throw lockNotOwned(name, first === undefined ? null : await toHolder(this.#store, name, first, signal));
  }

  async #held(request: AcquireRequest, waitedMs: number): Promise<DcsError> {
    return lockHeld(request, waitedMs, await this.inspect(request.name));
  }

  /** In whole milliseconds, raised to what the store can keep. */
  #checkTtl(ttlMs: number): number {
    const { minTtlMs, maxTtlMs } = this.#store.capabilities;
    if (!Number.isFinite(ttlMs) || ttlMs <= 0 || ttlMs > maxTtlMs)
      throw ttlInvalid(ttlMs, minTtlMs, maxTtlMs);
    return Math.max(Math.ceil(ttlMs), minTtlMs);
  }

  #epochOf(monotonic: number): number {
    return Math.round(this.#clock.now() + (monotonic - this.#clock.monotonic()));
  }
}

const TIMED_OUT = Symbol("timed out");
const PLACE_LOST = Symbol("place lost");

/**
 * A place that may have to wait is kept by this process, even if the hold is to be detached: a dead waiter must not block
 * the queue.
 */
function grantedDetached(request: AcquireRequest): boolean {
  return request.detached && request.waitMs <= 0;
}

function options(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
