import { DcsError, isDcsError } from "../../errors.ts";
import { LeaseKeeper } from "../../lease/keeper.ts";
import { currentHolder } from "../../process/identity.ts";
import type { LeaseId, Store } from "../../store/store.ts";
import { type BackoffPolicy, backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import { newLeaseId } from "../../util/ids.ts";
import type { ShardMap } from "../keyspace.ts";
import { KnownMap } from "./known-map.ts";
import type { RouterEvent } from "./router-event.ts";
import type { RouterShards } from "./router-shards.ts";
import { Running } from "./running.ts";

export interface MembershipOptions {
  readonly store: Store;
  readonly shards: RouterShards;
  readonly clock: Clock;
  readonly ttlMs: number;
  readonly random: () => number;
  readonly onEvent: (event: RouterEvent) => void;
}

/** A transaction's leave to begin, by the map of that moment. */
export interface Ticket {
  readonly map: ShardMap;
  /** True while the lease by which it began is still good: nobody deletes what it reads. */
  readonly isCertain: boolean;
  /** The transaction has ended, at the server as well. */
  end(): void;
}

const RETRY: BackoffPolicy = { initialMs: 50, factor: 2, maxMs: 2000 };

/**
 * This router among those of its keyspace: a lease, and on it the revision of the map that it acknowledges, which is that of the
 * oldest transaction under way. A mover deletes no row before every live router has acknowledged the map that leads away from it.
 *
 * The key is there, acknowledging nothing, before the map is read: so whoever looks at the acks after a flip either sees this
 * router and waits for it, or looked before it joined, and then it reads the map of after the flip. Past the deadline of its lease
 * it gives no leave to begin, and joins again with another lease and the map of then.
 */
export class Membership {
  readonly #o: MembershipOptions;
  readonly #stop = new AbortController();
  readonly #running = new Running();
  readonly #map: KnownMap;
  #lease: LeaseId | null = null;
  #keeper: LeaseKeeper | null = null;
  #acked = 0;
  #isTelling = false;
  #lostBecause: unknown;
  /** The first try to join again after a loss: what begins meanwhile waits for it. */
  #comingBack: Promise<void> | null = null;
  #isClosed = false;
  readonly #work = new Set<Promise<void>>();

  /** Joins, and follows the map from then on. Rejects with the store's failure. */
  static async join(options: MembershipOptions): Promise<Membership> {
    const membership = new Membership(options);
    try {
      await membership.#join();
    } catch (error) {
      await membership.close();
      throw error;
    }
    membership.#track(membership.#follow());
    return membership;
  }

  private constructor(options: MembershipOptions) {
    this.#o = options;
    const nothing: ShardMap = { keyspace: "", revision: 0, owners: [] };
    const read = () => options.shards.map();
    this.#map = new KnownMap(nothing, read, () => this.#tell());
  }

  get map(): KnownMap {
    return this.#map;
  }

  /** SHARD_ROUTER_STALE past the deadline of the lease. */
  begin(): Ticket {
    const keeper = this.#keeper;
    if (this.#isClosed || keeper === null || !keeper.isGood) throw this.#stale();
    const map = this.#map.present;
    const over = this.#running.begin(map.revision);
    return {
      map,
      get isCertain() {
        return keeper.isGood;
      },
      end: () => {
        over();
        this.#tell();
      },
    };
  }

  /** Resolves when `begin` may succeed, or is known to fail. */
  async ready(): Promise<void> {
    if (this.#keeper?.isGood !== true) await this.#comingBack;
  }

  /** Waits for the transactions under way, and leaves. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running.idle();
    this.#stop.abort();
    this.#keeper?.stop();
    this.#keeper = null;
    await Promise.all(this.#work);
    const lease = this.#lease;
    this.#lease = null;
    // What cannot be told now, the TTL ends.
    if (lease !== null) await this.#o.store.revoke(lease).catch(() => {});
  }

  #stale(): DcsError {
    const { ttlMs } = this.#o;
    const why = this.#isClosed ? "it was closed" : "its lease ran out, and it could not join again yet";
    return new DcsError("SHARD_ROUTER_STALE", `the router's map of the shards cannot be trusted: ${why}`, {
      cause: this.#lostBecause,
      details: { ttlMs, revision: this.#map.present.revision },
    });
  }

  async #join(): Promise<void> {
    const { store, shards, clock, random, onEvent } = this.#o;
    const { signal } = this.#stop;
    const sent = clock.monotonic();
    const ttlMs = Math.max(this.#o.ttlMs, store.capabilities.minTtlMs);
    const lease = await store.grant({ id: newLeaseId(), ttlMs, holder: currentHolder() }, { signal });
    const former = this.#lease;
    this.#lease = lease.id;
    // One that was lost may still stand, and hold up whoever waits for its ack.
    if (former !== null) await store.revoke(former).catch(() => {});
    await shards.ack(lease.id, this.#ackOf(0));
    this.#map.replace(await shards.map());
    this.#acked = 0;
    const keeper = new LeaseKeeper({
      ttlMs: lease.ttlMs,
      deadline: sent + lease.ttlMs,
      renew: (stopped) => store.keepAlive(lease.id, { signal: stopped }),
      isGone: (error) => isDcsError(error, "LEASE_NOT_FOUND"),
      clock,
      random,
      onDoubt: (error, deadline) => onEvent({ type: "doubt", error, leftMs: deadline - clock.monotonic() }),
    });
    signal.throwIfAborted();
    if (!keeper.isGood) throw new DcsError("LEASE_NOT_FOUND", `lease ${lease.id} ran out while it was taken`);
    this.#keeper = keeper;
    keeper.start();
    void keeper.lost.then(({ cause }) => this.#lost(keeper, cause));
    onEvent({ type: "joined", lease: lease.id, revision: this.#map.present.revision });
    this.#tell();
  }

  #lost(keeper: LeaseKeeper, cause: unknown): void {
    if (this.#keeper !== keeper) return;
    keeper.stop();
    this.#keeper = null;
    this.#lostBecause = cause;
    this.#o.onEvent({ type: "stale", error: cause });
    const first = Promise.withResolvers<void>();
    this.#comingBack = first.promise;
    this.#track(this.#rejoin(() => first.resolve()));
  }

  async #rejoin(tried: () => void): Promise<void> {
    const { clock, random } = this.#o;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#join();
        break;
      } catch (error) {
        this.#lostBecause = error;
      } finally {
        this.#comingBack = null;
        tried();
      }
      await sleep(clock, backoffDelay(RETRY, failures, random), signal).catch(() => {});
    }
  }

  async #follow(): Promise<void> {
    const { shards, clock, random } = this.#o;
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        for await (const map of shards.watchMap(signal)) {
          failures = 0;
          this.#map.take(map);
        }
      } catch {
        // Without a watch the map is read when a server refuses.
      }
      await sleep(clock, backoffDelay(RETRY, failures, random), signal).catch(() => {});
    }
  }

  /** Acknowledges what can be, one word at a time. */
  #tell(): void {
    if (this.#isTelling || this.#stop.signal.aborted) return;
    this.#isTelling = true;
    this.#track(this.#tellAll());
  }

  async #tellAll(): Promise<void> {
    const { shards, clock, random, onEvent } = this.#o;
    const { signal } = this.#stop;
    try {
      for (let failures = 0; !signal.aborted; ) {
        const keeper = this.#keeper;
        const lease = this.#lease;
        const revision = this.#running.oldest ?? this.#map.present.revision;
        if (keeper === null || lease === null || revision <= this.#acked) return;
        try {
          await shards.ack(lease, this.#ackOf(revision));
          if (this.#keeper !== keeper) continue;
          this.#acked = revision;
          failures = 0;
          onEvent({ type: "acked", revision });
        } catch (error) {
          if (isDcsError(error, "LEASE_NOT_FOUND")) this.#lost(keeper, error);
          else await sleep(clock, backoffDelay(RETRY, failures++, random), signal).catch(() => {});
        }
      }
    } finally {
      // At once with the last look, so that no word falls between the two.
      this.#isTelling = false;
    }
  }

  /** What the end has to wait for. */
  #track(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }

  #ackOf(revision: number) {
    const { host, pid } = currentHolder();
    return { revision, host, pid, at: this.#o.clock.now() };
  }
}
