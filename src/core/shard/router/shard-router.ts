import { DcsError } from "../../errors.ts";
import type { SqlParam } from "../../mysql/bind-params.ts";
import type { Store } from "../../store/store.ts";
import { type BackoffPolicy, backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep, systemClock } from "../../util/clock.ts";
import { bucketOf, type Keyspace, type ShardMap } from "../keyspace.ts";
import { ShardStore } from "../map/shard-store.ts";
import { type Failed, type Tried, tryRead, tryTransaction } from "./attempt.ts";
import { BucketRefusal } from "./bucket-refusal.ts";
import { Membership } from "./membership.ts";
import type { RouterEvent } from "./router-event.ts";
import { serverError } from "./server-error.ts";
import { ShardPools } from "./shard-pools.ts";
import type { QueryOptions, ShardResult, ShardTransaction } from "./shard-transaction.ts";
import { statementKind } from "./statement-kind.ts";

/** A shard key's value, as it stands in the column. A number is taken as its decimal digits. */
export type ShardKey = string | number | bigint | Uint8Array;

export interface ShardRouterOptions {
  /** For `${VAR}` in the URLs of shards; the process's own by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Sessions to each shard, at most (8). */
  readonly poolSize?: number;
  /** Longest wait for one of them, ms (5000): SHARD_POOL_EXHAUSTED. */
  readonly waitMs?: number;
  /** Longest wait for an answer of a server, ms (10,000); a lock is waited for half as long. */
  readonly timeoutMs?: number;
  /** Longest time that one try of a transaction may take, ms (30,000). It holds up the clean-up of buckets that have moved. */
  readonly transactionMs?: number;
  /** For how long a transaction is tried again that was refused or met a deadlock, ms (10,000). */
  readonly retryMs?: number;
  /** Of the lease on which it acknowledges maps, ms (15,000). */
  readonly leaseMs?: number;
  readonly onEvent?: (event: RouterEvent) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export interface TransactionOptions {
  /** Other keys that the transaction touches. SHARD_KEYS_APART when one of them is not on the same shard. */
  readonly also?: readonly ShardKey[];
  readonly signal?: AbortSignal;
}

export interface RoutedQueryOptions extends QueryOptions {
  readonly signal?: AbortSignal;
}

/** Where a key is by the map that a router has. */
export interface KeyPlace {
  readonly bucket: number;
  readonly shard: string;
  readonly epoch: number;
  /** Of the map. */
  readonly revision: number;
}

/** A bucket is closed for some 100 ms while it changes hands. */
const RETRY: BackoffPolicy = { initialMs: 10, factor: 2, maxMs: 200 };

/**
 * The way of an application to its shards: follows the map, sends each transaction to the shard that has its key's bucket, and
 * tries again those that a moving bucket, a deadlock or a broken connection made come to nothing. What it promises, and what it
 * cannot, is in docs/shard-router.md.
 */
export class ShardRouter implements AsyncDisposable {
  readonly #o: Required<Omit<ShardRouterOptions, "env">>;
  readonly #pools: ShardPools;
  readonly #membership: Membership;

  /** Reads keyspace and map, and joins its routers. SHARD_KEYSPACE_UNKNOWN, or the store's failure. */
  static async open(store: Store, keyspace: string, options: ShardRouterOptions = {}): Promise<ShardRouter> {
    const { env = process.env, ...given } = options;
    const o = {
      poolSize: 8,
      waitMs: 5000,
      timeoutMs: 10_000,
      transactionMs: 30_000,
      retryMs: 10_000,
      leaseMs: 15_000,
      onEvent: () => {},
      clock: systemClock,
      random: Math.random,
      ...given,
    };
    const { clock, random, onEvent, timeoutMs } = o;
    const shards = new ShardStore(store, keyspace);
    const pools = await ShardPools.of({ shards, clock, env, size: o.poolSize, timeoutMs });
    const membership = await Membership.join({ store, shards, clock, ttlMs: o.leaseMs, random, onEvent });
    return new ShardRouter(o, pools, membership);
  }

  private constructor(
    options: Required<Omit<ShardRouterOptions, "env">>,
    pools: ShardPools,
    membership: Membership,
  ) {
    this.#o = options;
    this.#pools = pools;
    this.#membership = membership;
  }

  get keyspace(): Keyspace {
    return this.#pools.keyspace;
  }

  /** The newest map it has seen. */
  get map(): ShardMap {
    return this.#membership.map.present;
  }

  locate(key: ShardKey): KeyPlace {
    const { revision, owners } = this.map;
    const bucket = this.#bucketOf(key);
    const owner = owners[bucket];
    if (owner === undefined) throw new Error(`the map has no bucket ${bucket}`);
    return { bucket, ...owner, revision };
  }

  /**
   * One statement on the shard that has the key; `?` stands for a parameter. What writes is a transaction of its own.
   * SHARD_STATEMENT_REFUSED, SHARD_STATEMENT_FAILED and SHARD_CONSTRAINT for the statement; otherwise as `transaction`.
   */
  async query(
    key: ShardKey,
    sql: string,
    params: readonly SqlParam[] = [],
    { strict = false, signal }: RoutedQueryOptions = {},
  ): Promise<ShardResult> {
    const buckets = [this.#bucketOf(key)] as const;
    if (statementKind(sql) === "read" && !strict) {
      return await this.#untilDone(signal, () => tryRead(this.#parts(buckets), sql, params));
    }
    return await this.#untilDone(signal, () =>
      tryTransaction(this.#parts(buckets), (tx) => tx.query(sql, params, { strict })),
    );
  }

  /**
   * Runs a function's statements as one transaction on the shard that has the key. The function is called again, from its
   * beginning, when a try came to nothing; it should do nothing else that lasts. What it throws itself rolls back, and is thrown.
   *
   * SHARD_BUCKET_CLOSED or SHARD_CONTENDED when the time for trying again ran out, SHARD_ROUTER_STALE without a lease,
   * SHARD_POOL_EXHAUSTED, SHARD_UNREACHABLE: the transaction did nothing. SHARD_OUTCOME_UNKNOWN: it may have been committed.
   */
  async transaction<T>(
    key: ShardKey,
    work: (tx: ShardTransaction) => Promise<T>,
    { also = [], signal }: TransactionOptions = {},
  ): Promise<T> {
    const own = this.#bucketOf(key);
    const others = new Set(also.map((each) => this.#bucketOf(each)));
    others.delete(own);
    return await this.#untilDone(signal, () => tryTransaction(this.#parts([own, ...others]), work));
  }

  /** Waits for the transactions under way, and leaves. Nothing begins any more. */
  async close(): Promise<void> {
    await this.#membership.close();
    await this.#pools[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #bucketOf(key: ShardKey): number {
    return bucketOf(key, this.keyspace.buckets);
  }

  #parts(buckets: readonly [number, ...number[]]) {
    const { clock, transactionMs, waitMs, timeoutMs } = this.#o;
    const limits = { transactionMs, waitMs, answerMs: timeoutMs };
    return { clock, membership: this.#membership, pools: this.#pools, buckets, limits };
  }

  async #untilDone<T>(signal: AbortSignal | undefined, once: () => Promise<Tried<T>>): Promise<T> {
    const { clock, random, retryMs, onEvent } = this.#o;
    const end = clock.monotonic() + retryMs;
    let unread: unknown = null;
    for (let attempt = 1, waits = 0; ; attempt++) {
      signal?.throwIfAborted();
      await this.#membership.ready();
      const tried = await once();
      if ("value" in tried) return tried.value;
      const { failed } = tried;
      const { why, place, error } = failed;
      if (why === "rerouted") continue;
      onEvent({ type: "retry", why, bucket: place.wanted[0].bucket, shard: place.shard, attempt, error });
      const left = () => end - clock.monotonic();
      if (left() <= 0) throw this.#givenUp(failed, unread);
      unread = why === "moved" ? await this.#readMap(left(), signal) : null;
      if (error instanceof BucketRefusal) {
        this.#checkReach(error, failed);
        if (this.#hasMoved(failed)) continue;
      }
      const delay = Math.min(backoffDelay(RETRY, waits++, random), Math.max(0, left()));
      if (why === "moved") await this.#membership.map.newer(this.map.revision, clock, delay, signal);
      else await sleep(clock, delay, signal);
      if (left() <= 0) throw this.#givenUp(failed, unread);
    }
  }

  /** What kept the map from being read; null when it was read. */
  async #readMap(ms: number, signal: AbortSignal | undefined): Promise<unknown> {
    const over = new AbortController();
    const stop = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]);
    try {
      const reading = this.#membership.map.refresh().then(() => null);
      const late = sleep(this.#o.clock, ms, stop).then(
        () => new Error(`no answer within ${Math.round(ms)} ms`),
      );
      return await Promise.race([reading, late]);
    } catch (error) {
      signal?.throwIfAborted();
      return error;
    } finally {
      over.abort();
    }
  }

  /** A statement may reach for rows of a bucket that the transaction did not name: trying again helps only where that is on the shard. */
  #checkReach({ bucket }: BucketRefusal, { place }: Failed): void {
    const owner = this.map.owners[bucket];
    if (owner === undefined || owner.shard === place.shard) return;
    if (place.wanted.some((wanted) => wanted.bucket === bucket)) return;
    throw new DcsError(
      "SHARD_KEYS_APART",
      `a statement on shard ${place.shard} touched a row of bucket ${bucket}, which is on ${owner.shard}; the transaction is rolled back`,
      { details: { buckets: [place.wanted[0].bucket, bucket], shards: [place.shard, owner.shard] } },
    );
  }

  /** Whether the map of now leads elsewhere, or there by another epoch. */
  #hasMoved({ place }: Failed): boolean {
    return place.wanted.some(({ bucket, epoch }) => {
      const owner = this.map.owners[bucket];
      return owner?.shard !== place.shard || owner.epoch !== epoch;
    });
  }

  #givenUp({ why, place, error }: Failed, unread: unknown): unknown {
    const { retryMs } = this.#o;
    const { shard } = place;
    if (why !== "moved" || !(error instanceof BucketRefusal)) return serverError(error, place);
    const { bucket } = error;
    const map = unread instanceof Error ? `; the map could not be read again: ${unread.message}` : "";
    return new DcsError(
      "SHARD_BUCKET_CLOSED",
      `bucket ${bucket} was refused on shard ${shard} for ${retryMs} ms: ${error.message}${map}`,
      { cause: unread ?? error, details: { bucket, shard, epoch: error.epoch, retryMs } },
    );
  }
}
