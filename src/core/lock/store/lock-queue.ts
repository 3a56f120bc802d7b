import type { KeyValue, LeaseId, Revision, Store, TxnResult } from "../../store/store.ts";
import type { Clock } from "../../util/clock.ts";
import type { AcquireRequest, LockMode } from "../lock.ts";
import { lockNotOwned, placeLost } from "../lock-errors.ts";
import { modeText } from "../lock-mode.ts";
import { checkLockName } from "../lock-name.ts";
import type { LockRecord } from "../lock-record.ts";
import { parseToken, proofOf, type Token } from "../lock-token.ts";
import { checkLockValue } from "../lock-value.ts";
import type { Grant } from "./grants.ts";
import { isPlaceOf, placesOf, queueKey, queuePrefix, recordKey } from "./lock-keys.ts";
import { toHolder } from "./lock-states.ts";
import { isTurn, modeOf } from "./turns.ts";

/** A request with all that may be left out, and a TTL that the store can keep. */
export interface Asked extends AcquireRequest {
  readonly mode: LockMode;
}

export interface JoinOptions {
  /** Only where nobody has a place. */
  readonly alone: boolean;
  /** The token's lease is there already. */
  readonly isLeased?: boolean;
}

/** The beginning of a queue. */
export interface Head {
  readonly places: readonly KeyValue[];
  /** False where others stand behind. */
  readonly isWhole: boolean;
}

/** Places that are read at once of the beginning of a queue: as many as are there as a rule. */
const HEAD = 32;

/** A hold that was there, found by its token. */
export interface Owned extends Grant {
  readonly mode: LockMode;
}

/**
 * The queues of locks as keys of a store: a place is a key on a lease, and the earliest holds. What the key says is the
 * mode: nothing for exclusive, as of etcdctl.
 */
export class LockQueue {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Takes a place at the end. */
  join(request: Asked, token: Token, { alone, isLeased = false }: JoinOptions): Promise<TxnResult> {
    const { name, holder, detached, ttlMs } = request;
    const { lease } = token;
    const mode = modeText(request.mode);
    const record: LockRecord = {
      holder,
      reason: request.reason ?? null,
      proof: proofOf(token.text),
      since: this.#clock.now(),
      ttlMs,
      detached,
      ...(mode === "" ? {} : { mode }),
    };
    return this.#store.txn(
      {
        compares: [
          alone ? { prefix: queuePrefix(name), is: "absent" } : { key: queueKey(name, lease), is: "absent" },
        ],
        ops: [
          { put: queueKey(name, lease), value: mode === "" ? checkLockValue(request.value) : mode, lease },
          { put: recordKey(name, lease), value: JSON.stringify(record), lease },
        ],
        ...(isLeased ? {} : { grant: { id: lease, ttlMs, holder, detached: isGrantedDetached(request) } }),
      },
      options(request.signal),
    );
  }

  /** Everybody who holds or waits, first come first. */
  async places(name: string, signal?: AbortSignal): Promise<readonly KeyValue[]> {
    const { kvs } = await this.#store.list(queuePrefix(name), options(signal));
    return placesOf(name, kvs);
  }

  /** The beginning of the queue; all of it where it is short, or hidden behind older keys of longer names. */
  async head(name: string, signal?: AbortSignal): Promise<Head> {
    const some = { order: "oldest", limit: HEAD, ...options(signal) } as const;
    const { kvs } = await this.#store.list(queuePrefix(name), some);
    const places = placesOf(name, kvs);
    if (kvs.length < HEAD) return { places, isWhole: true };
    if (places.length > 0) return { places, isWhole: false };
    return { places: await this.places(name, signal), isWhole: true };
  }

  /** The place right before one that stands at this revision; null where there is none. */
  async before(name: string, createdBefore: Revision, signal?: AbortSignal): Promise<KeyValue | null> {
    const some = { order: "newest", createdBefore, ...options(signal) } as const;
    const { kvs } = await this.#store.list(queuePrefix(name), { ...some, limit: 1 });
    const [only] = kvs;
    if (only === undefined || isPlaceOf(name, only)) return only ?? null;
    return placesOf(name, (await this.#store.list(queuePrefix(name), some)).kvs).at(-1) ?? null;
  }

  /** The place on that lease, if it is there. */
  async place(name: string, lease: LeaseId, signal?: AbortSignal): Promise<KeyValue | null> {
    return this.#store.get(queueKey(name, lease), options(signal));
  }

  /** The place of the token; LOCK_NOT_OWNED when that is not a present holder's. */
  async owned(name: string, text: string, signal?: AbortSignal): Promise<Owned> {
    checkLockName(name);
    const token = parseToken(text);
    const [places, record] = await Promise.all([
      this.#upTo(name, token?.lease ?? null, signal),
      token === null ? null : this.#store.get(recordKey(name, token.lease), options(signal)),
    ]);
    const index = places.findIndex((place) => place.lease === token?.lease);
    const mine = places[index];
    if (token !== null && record !== null && mine !== undefined && isTurn(places, index)) {
      if ((JSON.parse(record.value) as LockRecord).proof === proofOf(text)) {
        return { lease: token.lease, fence: mine.createRevision, reuse: null, mode: modeOf(mine) };
      }
    }
    const [first] = places;
    throw lockNotOwned(name, first === undefined ? null : await toHolder(this.#store, name, first, signal));
  }

  /** The beginning of the queue, with the place of the lease in it if there is one. */
  async #upTo(name: string, lease: LeaseId | null, signal?: AbortSignal): Promise<readonly KeyValue[]> {
    const { places, isWhole } = await this.head(name, signal);
    if (isWhole || lease === null || places.some((place) => place.lease === lease)) return places;
    return this.places(name, signal);
  }

  /** From here on no process keeps the hold: grants the same lease anew as a detached one, if its place is still there. */
  async detach(request: Asked, token: Token, place: KeyValue): Promise<void> {
    const { ttlMs } = request;
    const { succeeded } = await this.#store.txn(
      {
        compares: [{ key: place.key, createRevision: place.createRevision }],
        ops: [],
        grant: { id: token.lease, ttlMs, holder: request.holder, detached: true },
      },
      options(request.signal),
    );
    if (!succeeded) throw placeLost(request.name);
  }

  /** Gives up a place by its lease, whatever became of it; where this fails, the TTL ends it. */
  async leave({ lease }: Pick<Token, "lease">, signal?: AbortSignal): Promise<void> {
    await this.#store.revoke(lease, options(signal)).catch(() => {});
  }
}

/**
 * A place that may have to wait is kept by this process, even if the hold is to be detached: a dead waiter must not block
 * the queue.
 */
export function isGrantedDetached(request: AcquireRequest): boolean {
  return request.detached && request.waitMs <= 0;
}

export function options(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

/** For `catch`: null in place of an error that only says that the caller wants no more. */
export function unlessAborted(signal: AbortSignal): (error: unknown) => null {
  return (error) => {
    if (signal.aborted) return null;
    throw error;
  };
}
