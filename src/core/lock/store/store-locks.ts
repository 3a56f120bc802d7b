import { isDcsError } from "../../errors.ts";
import { LOCK_RECORD_PREFIX } from "../../store/keys.ts";
import type { Holder, Store } from "../../store/store.ts";
import type { Clock } from "../../util/clock.ts";
import type {
  AcquireRequest,
  Hold,
  LockDriver,
  LockEvent,
  LockHolder,
  LockNotes,
  LockState,
  Renewal,
} from "../lock.ts";
import { type LockGlance, lockHeld, lockNotOwned, ttlInvalid } from "../lock-errors.ts";
import { checkMode } from "../lock-mode.ts";
import { checkLockName } from "../lock-name.ts";
import { parseToken } from "../lock-token.ts";
import { Acquirer } from "./acquirer.ts";
import { departed } from "./departed.ts";
import { type Grant, Grants, IdleLeases } from "./grants.ts";
import { keysOf, queueKey } from "./lock-keys.ts";
import { type Asked, LockQueue, options, unlessAborted } from "./lock-queue.ts";
import { readStates, stateOf, toHolder } from "./lock-states.ts";
import { StoreNotes } from "./store-notes.ts";
import { countHolders, modeOf } from "./turns.ts";
import { watchLock } from "./watch-lock.ts";
import { watchLocks } from "./watch-locks.ts";

/**
 * Locks on any store, by the queue of etcd's concurrency package: put a key on a lease of one's own, the lowest create
 * revision holds, everyone else watches the place before his. First come first served; the fence is the create revision.
 * Readers, and holders of slots, hold beside the first: see turns.ts.
 */
export class StoreLocks implements LockDriver {
  readonly notes: LockNotes;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #ownsStore: boolean;
  readonly #queue: LockQueue;
  readonly #grants = new Grants();
  readonly #acquirer: Acquirer;

  /** With `ownsStore`, closing the locks closes the store. */
  constructor(store: Store, clock: Clock, { ownsStore = false }: { readonly ownsStore?: boolean } = {}) {
    this.#store = store;
    this.#clock = clock;
    this.notes = new StoreNotes(store);
    this.#queue = new LockQueue(store, clock);
    this.#acquirer = new Acquirer({ store, clock, queue: this.#queue, grants: this.#grants });
    this.#ownsStore = ownsStore;
  }

  get backend(): string {
    return this.#store.kind;
  }

  get url(): string {
    return this.#store.url;
  }

  get capabilities(): LockDriver["capabilities"] {
    const { fifo, minTtlMs, maxTtlMs } = this.#store.capabilities;
    return { fifo, minTtlMs, maxTtlMs, modes: ["exclusive", "shared", "slots"] };
  }

  async acquire(request: AcquireRequest): Promise<Hold> {
    checkLockName(request.name);
    const mode = checkMode(request.mode, this);
    const asked: Asked = { ...request, mode, ttlMs: this.#checkTtl(request.ttlMs) };
    if (request.token !== undefined) return this.#acquirer.reenter(asked, request.token);
    const hold = await this.#take(asked);
    if (hold !== null) return hold;
    throw lockHeld(request, Math.max(0, request.waitMs), await this.#glance(request.name));
  }

  async renew(name: string, token: string, signal?: AbortSignal): Promise<Renewal> {
    const known = this.#grants.get(token);
    const grant = known ?? (await this.#queue.owned(name, token, signal));
    if (known === undefined) this.#grants.add(token, grant);
    const { lease } = grant;
    const sent = this.#clock.monotonic();
    try {
      const [{ ttlMs }, isThere] = await Promise.all([
        this.#store.keepAlive(lease, options(signal)),
        // A key may be deleted while its lease lives.
        known === undefined || this.#stands(name, known, signal),
      ]);
      // Says who holds it now.
      if (!isThere) await this.#queue.owned(name, token, signal);
      return { ttlMs, deadline: sent + ttlMs, expiresAt: this.#epochOf(sent + ttlMs) };
    } catch (error) {
      if (isDcsError(error, "LEASE_NOT_FOUND")) throw lockNotOwned(name, null, error);
      throw error;
    }
  }

  async release(name: string, token: string, signal?: AbortSignal): Promise<void> {
    const { lease, fence, reuse } = this.#grants.get(token) ?? (await this.#queue.owned(name, token, signal));
    const key = queueKey(checkLockName(name), lease);
    const kept = reuse !== null && IdleLeases.isYoung(reuse, this.#clock.monotonic()) ? reuse : null;
    const { succeeded } = await this.#store.txn(
      {
        compares: [{ key, createRevision: fence }],
        ...(kept === null
          ? { ops: [{ delete: key }], revoke: lease }
          : { ops: keysOf(name, lease).map((each) => ({ delete: each })) }),
      },
      options(signal),
    );
    this.#grants.delete(token);
    if (!succeeded) throw lockNotOwned(name, (await this.inspect(name, signal))?.holder ?? null);
    await this.#acquirer.giveBack(kept);
  }

  async setHolder(name: string, token: string, holder: Holder, signal?: AbortSignal): Promise<void> {
    const { lease, fence } = await this.#queue.owned(name, token, signal);
    this.#grants.add(token, { lease, fence, reuse: null });
    await this.#store.setHolder(lease, holder, options(signal));
  }

  async gone(name: string, token: string, signal: AbortSignal): Promise<void> {
    const lease = parseToken(token)?.lease;
    if (lease === undefined) return;
    const key = queueKey(checkLockName(name), lease);
    const listed = await this.#store.list(key, { signal }).catch(unlessAborted(signal));
    const place = listed?.kvs.find((kv) => kv.key === key);
    if (listed === null || place === undefined) return;
    await departed(this.#store, name, { places: [place], most: 0 }, listed.revision + 1, signal);
  }

  async breakHold(
    name: string,
    { lease, grant, holder }: LockHolder,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const key = queueKey(checkLockName(name), lease);
    const { succeeded } = await this.#store.txn(
      {
        compares: [{ key, createRevision: grant }],
        ops: [{ delete: key }],
        // A lease that is not dcs's own may carry more than this lock.
        ...(holder === null ? {} : { revoke: lease }),
      },
      options(signal),
    );
    return succeeded;
  }

  async list(signal?: AbortSignal): Promise<readonly LockState[]> {
    const { kvs } = await this.#store.list(LOCK_RECORD_PREFIX, options(signal));
    return readStates(this.#store, kvs, signal);
  }

  async inspect(name: string, signal?: AbortSignal): Promise<LockState | null> {
    const places = await this.#queue.places(checkLockName(name), signal);
    return stateOf(
      name,
      await Promise.all(places.map((place) => toHolder(this.#store, name, place, signal))),
    );
  }

  watch(name: string | null, signal: AbortSignal): AsyncIterable<LockEvent> {
    if (name === null) return watchLocks(this.#store, signal);
    return watchLock(this.#store, checkLockName(name), () => this.inspect(name), signal);
  }

  async close(): Promise<void> {
    await this.#acquirer.close();
    if (this.#ownsStore) await this.#store.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** True while the place of a grant of ours is there. */
  async #stands(name: string, { lease, fence }: Grant, signal?: AbortSignal): Promise<boolean> {
    const place = await this.#queue.place(checkLockName(name), lease, signal);
    return place?.createRevision === fence;
  }

  /** Who holds and how many wait, without a look at each of them. */
  async #glance(name: string): Promise<LockGlance | null> {
    const places = await this.#queue.places(name);
    const [first] = places;
    if (first === undefined) return null;
    const length = countHolders(places.map(modeOf));
    return {
      holder: await toHolder(this.#store, name, first),
      holders: { length },
      waiters: { length: places.length - length },
    };
  }

  #take(request: Asked): Promise<Hold | null> {
    if (request.waitMs <= 0) return this.#acquirer.try(request);
    return request.fair === false ? this.#acquirer.barge(request) : this.#acquirer.wait(request);
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
