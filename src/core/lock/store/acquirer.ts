import { isDcsError } from "../../errors.ts";
import type { KeyValue, Store } from "../../store/store.ts";
import type { Clock } from "../../util/clock.ts";
import type { Hold } from "../lock.ts";
import { holdNotEnough, lockNotOwned, modeMixed, placeLost } from "../lock-errors.ts";
import { fenceOf, isEnoughFor } from "../lock-mode.ts";
import { newToken, type Token } from "../lock-token.ts";
import { departed } from "./departed.ts";
import { type Grants, IdleLeases, type OwnLease } from "./grants.ts";
import { Lines } from "./lines.ts";
import { placesOf, queuePrefix } from "./lock-keys.ts";
import { type Asked, type LockQueue, options } from "./lock-queue.ts";
import { toHolder } from "./lock-states.ts";
import { hasRoom, isTurn, mixedWith, obstacle } from "./turns.ts";
import { waitForTurn } from "./wait-for-turn.ts";

export interface AcquirerParts {
  readonly store: Store;
  readonly queue: LockQueue;
  readonly clock: Clock;
  readonly grants: Grants;
}

/** How long ending what is not needed any more may hold up anybody. */
const SETTLE_MS = 500;

const TIMED_OUT = Symbol("timed out");

/** The ways to a hold on a store. Each ends with a hold, or null when the lock was held by others all the time. */
export class Acquirer {
  readonly #parts: AcquirerParts;
  readonly #idle = new IdleLeases();
  readonly #lines: Lines;

  constructor(parts: AcquirerParts) {
    this.#parts = parts;
    this.#lines = new Lines(parts.store);
  }

  /** Takes it if it is free for the caller now. Nobody at all before it is one call; beside others it is four. */
  async try(request: Asked): Promise<Hold | null> {
    if (!request.detached) {
      const hold = await this.#takeIdle(request);
      if (hold !== null) return hold;
    }
    const { clock, queue } = this.#parts;
    const token = newToken();
    const end = clock.monotonic() + request.ttlMs;
    return this.#orLeave(token, async () => {
      const alone = await queue.join(request, token, { alone: true });
      if (alone.succeeded) return this.#hold(request, token, alone.revision, end);
      const before = await this.#ahead(request);
      await this.#refuseMixed(request, before);
      if (!hasRoom(before, request.mode)) return null;
      await queue.join(request, token, { alone: false });
      const places = await queue.places(request.name, request.signal);
      const index = places.findIndex((place) => place.lease === token.lease);
      const place = places[index];
      if (place !== undefined && isTurn(places, index))
        return this.#hold(request, token, place.createRevision, end);
      // Somebody else was there first.
      await this.#leave(token);
      return null;
    });
  }

  /** Takes a place at the end of the queue and waits for its turn. */
  async wait(request: Asked): Promise<Hold | null> {
    const { clock, queue } = this.#parts;
    // A place of a mode that does not go with the others would be in their way, be it for a moment.
    if (request.mode.type !== "exclusive")
      await this.#refuseMixed(request, (await queue.head(request.name, request.signal)).places);
    const token = newToken();
    const deadline = clock.monotonic() + request.ttlMs;
    return this.#orLeave(token, async () => {
      const { revision } = await queue.join(request, token, { alone: false });
      const turn = await waitForTurn({
        ...this.#parts,
        lines: this.#lines,
        request,
        token,
        revision,
        deadline,
      });
      if (turn === null) {
        await this.#leave(token);
        return null;
      }
      const grant = turn.place.createRevision;
      if (!request.detached) return this.#hold(request, token, grant, turn.deadline);
      const sent = clock.monotonic();
      await queue.detach(request, token, turn.place);
      return this.#hold(request, token, grant, sent + request.ttlMs);
    });
  }

  /** Without a place in the queue: tries, and again whenever those who were in the way have gone. */
  async barge(request: Asked): Promise<Hold | null> {
    const { clock, store } = this.#parts;
    const { name, mode, waitMs } = request;
    const stop = new AbortController();
    const cancel = Number.isFinite(waitMs) ? clock.timer(waitMs, () => stop.abort(TIMED_OUT)) : () => {};
    const onAbort = () => stop.abort(request.signal?.reason);
    request.signal?.addEventListener("abort", onAbort, { once: true });
    if (request.signal?.aborted) onAbort();
    try {
      let told = false;
      for (;;) {
        const hold = await this.try({ ...request, waitMs: 0, signal: stop.signal });
        if (hold !== null) return hold;
        const { kvs, revision } = await store.list(queuePrefix(name), { signal: stop.signal });
        const places = placesOf(name, kvs);
        if (!told && places[0] !== undefined) {
          told = true;
          request.onWait?.(await toHolder(store, name, places[0], stop.signal));
        }
        if (!hasRoom(places, mode))
          await departed(store, name, obstacle(places, mode), revision + 1, stop.signal);
        stop.signal.throwIfAborted();
      }
    } catch (error) {
      if (stop.signal.aborted && stop.signal.reason === TIMED_OUT) return null;
      throw error;
    } finally {
      cancel();
      request.signal?.removeEventListener("abort", onAbort);
      stop.abort();
    }
  }

  /** The hold of the token, renewed. LOCK_NOT_OWNED, LOCK_MODE_MIXED. */
  async reenter(request: Asked, token: string): Promise<Hold> {
    const { clock, queue, store } = this.#parts;
    const { name, mode, signal } = request;
    const owned = await queue.owned(name, token, signal);
    if (!isEnoughFor(owned.mode, mode)) throw holdNotEnough(name, owned.mode, mode);
    const sent = clock.monotonic();
    try {
      const { ttlMs } = await store.keepAlive(owned.lease, options(signal));
      const text = { text: token, lease: owned.lease };
      return {
        ...this.#describe({ ...request, ttlMs, mode: owned.mode }, text, owned.fence, sent + ttlMs),
        reentered: true,
      };
    } catch (error) {
      if (isDcsError(error, "LEASE_NOT_FOUND")) throw lockNotOwned(name, null, error);
      throw error;
    }
  }

  /** Takes a lease back that has no hold any more, and ends those that nobody will ask for. */
  async giveBack(lease: OwnLease | null): Promise<void> {
    if (lease !== null) this.#idle.give(lease);
    await this.#endIdle(this.#idle.drain(this.#parts.clock.monotonic()));
  }

  close(): Promise<void> {
    return this.#endIdle(this.#idle.drain());
  }

  /** As much of the queue as says whether there is room behind it. */
  async #ahead({ name, mode, signal }: Asked): Promise<readonly KeyValue[]> {
    const { queue } = this.#parts;
    const { places, isWhole } = await queue.head(name, signal);
    return isWhole || !hasRoom(places, mode) ? places : queue.places(name, signal);
  }

  /** The lock on a lease of a hold before, if both are free; null where the long way must be gone. */
  async #takeIdle(request: Asked): Promise<Hold | null> {
    const { queue, clock } = this.#parts;
    const idle = this.#idle.take(request.ttlMs, request.holder, clock.monotonic());
    if (idle === null) return null;
    const token = newToken(idle.lease);
    try {
      const { succeeded, revision } = await queue.join(request, token, { alone: true, isLeased: true });
      if (succeeded) return this.#hold(request, token, revision, idle.deadline);
      this.#idle.give(idle);
      return null;
    } catch (error) {
      await this.#leave(idle);
      if (isDcsError(error, "LEASE_NOT_FOUND")) return null;
      throw error;
    }
  }

  /** Nobody waits for these; what cannot be told now, their TTL ends. */
  async #endIdle(leases: readonly OwnLease[]): Promise<void> {
    const signal = AbortSignal.timeout(SETTLE_MS);
    await Promise.all(leases.map((lease) => this.#parts.queue.leave(lease, signal)));
  }

  async #refuseMixed(request: Asked, places: readonly KeyValue[]): Promise<void> {
    const mixed = mixedWith(places, request.mode);
    if (mixed !== null)
      throw modeMixed(request, await toHolder(this.#parts.store, request.name, mixed, request.signal));
  }

  /** Whatever goes wrong, our place must not stay in the queue; the lease's TTL is the second line. */
  async #orLeave<T>(token: Token, take: () => Promise<T>): Promise<T> {
    try {
      return await take();
    } catch (error) {
      await this.#leave(token);
      throw error;
    }
  }

  #leave(place: Pick<Token, "lease">): Promise<void> {
    return this.#parts.queue.leave(place, AbortSignal.timeout(SETTLE_MS));
  }

  #hold(request: Asked, token: Token, grant: number, deadline: number): Hold {
    // An answer that took longer than the TTL is no hold.
    if (deadline <= this.#parts.clock.monotonic()) throw placeLost(request.name);
    const { ttlMs, holder, detached } = request;
    const { lease } = token;
    const isShared = detached || this.#parts.store.capabilities.leasesInTxn;
    const reuse = isShared ? null : { lease, ttlMs, deadline, holder };
    this.#parts.grants.add(token.text, { lease, fence: grant, reuse });
    return this.#describe(request, token, grant, deadline);
  }

  #describe({ name, mode, ttlMs }: Asked, token: Token, grant: number, deadline: number): Hold {
    const { clock } = this.#parts;
    const expiresAt = Math.round(clock.now() + (deadline - clock.monotonic()));
    const { text, lease } = token;
    const fence = fenceOf(mode, grant);
    return { name, token: text, mode, fence, grant, reentered: false, ttlMs, deadline, expiresAt, lease };
  }
}
