import { type DcsError, isDcsError } from "../../../errors.ts";
import { type BackoffPolicy, backoffDelay } from "../../../util/backoff.ts";
import { type Clock, sleep } from "../../../util/clock.ts";
import type { AcquireRequest, Hold } from "../../lock.ts";
import { lockHeld, withoutOwn } from "../../lock-errors.ts";
import { newToken } from "../../lock-token.ts";
import { type RedisLockKeys, redisLockKeys } from "../redis-keys.ts";
import { leaseOf } from "../redis-look.ts";
import { Wake } from "../wake.ts";
import { answeredTooLate } from "./quorum-errors.ts";
import { type Candidate, type Tried, tryQuorum } from "./quorum-grant.ts";
import type { QuorumNodes } from "./quorum-nodes.ts";

/** A waiter's place is kept this long without another word of it; it speaks at least every third of that. */
const PLACE_MS = 6000;
/** How long a caller that failed waits for the word that nothing is left behind. */
const SETTLE_MS = 500;
/** After a split vote, so that the candidates do not meet again. */
const SPLIT: BackoffPolicy = { initialMs: 5, factor: 2, maxMs: 120 };
/** Split votes are tried again this often by a caller that does not wait: one of them should get the lock. */
const SPLIT_TRIES = 6;
/** While a majority is away and the caller waits. */
const AWAY: BackoffPolicy = { initialMs: 50, factor: 2, maxMs: 500 };

/** Tries until the lock is granted or the wait is over. Whatever happens, nothing is left at a node that can be told so. */
export function acquireQuorum(nodes: QuorumNodes, request: AcquireRequest): Promise<Hold> {
  return new Acquisition(nodes, request).acquire();
}

/** One caller who wants a lock, with the token that is its own if it gets it. */
class Acquisition {
  readonly #nodes: QuorumNodes;
  readonly #clock: Clock;
  readonly #request: AcquireRequest;
  readonly #keys: RedisLockKeys;
  readonly #token = newToken().text;

  constructor(nodes: QuorumNodes, request: AcquireRequest) {
    this.#nodes = nodes;
    this.#clock = nodes.clock;
    this.#request = request;
    this.#keys = redisLockKeys(request.name);
  }

  async acquire(): Promise<Hold> {
    const request = this.#request;
    const { ttlMs } = request;
    const keys = this.#keys;
    const token = this.#token;
    const end = this.#clock.monotonic() + request.waitMs;
    const { fair = true } = request;
    const wake = new Wake();
    let stop = () => {};
    let placed = false;
    try {
      let splits = 0;
      for (let told = false; ; ) {
        request.signal?.throwIfAborted();
        const left = end - this.#clock.monotonic();
        const placeMs = left > 0 && fair ? PLACE_MS : 0;
        placed ||= placeMs > 0;
        const tried = await this.#tryOrWait({ request, keys, token, ttlMs, placeMs }, told);
        if (tried.result === "granted") {
          if (told) this.#leave();
          return tried.hold;
        }
        splits = tried.result === "split" ? splits + 1 : 0;
        if (left <= 0 && (splits === 0 || splits > SPLIT_TRIES)) throw await this.#denied(tried);
        if (tried.holder !== null && left > 0 && !told) {
          told = true;
          // Subscribed before the next try, so that no message is missed.
          stop = await this.#nodes.subscribe(keys.wake, (next) => {
            if (!fair || next === token) wake.now();
          });
          request.onWait?.(tried.holder);
          continue;
        }
        const pause =
          tried.result === "held"
            ? Math.min(tried.endsInMs + 1 + backoffDelay(SPLIT, 2), PLACE_MS / 3, left)
            : backoffDelay(SPLIT, splits - 1);
        await wake.within(pause, this.#clock, request.signal);
      }
    } catch (error) {
      // Delete if mine: also after a try whose answers were lost.
      const how = placed ? "leave" : "release";
      await this.#nodes.release(keys, token, how, {
        ttlMs,
        timeoutMs: Math.min(SETTLE_MS, this.#nodes.timeoutMs),
        whole: true,
      });
      throw error;
    } finally {
      stop();
    }
  }

  /** Who waits already goes on through a failure that may pass, for as long as one answer may take. */
  async #tryOrWait(candidate: Candidate, waiting: boolean): Promise<Tried> {
    const begin = this.#clock.monotonic();
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#unlessAborted(candidate);
      } catch (error) {
        const over = this.#clock.monotonic() - begin >= this.#nodes.timeoutMs;
        if (!waiting || over || !isDcsError(error, "STORE_UNREACHABLE")) throw error;
        await sleep(this.#clock, backoffDelay(AWAY, attempt), candidate.request.signal);
      }
    }
  }

  /** A caller that is stopped does not wait for silent nodes; what they grant all the same is given back. */
  async #unlessAborted(candidate: Candidate): Promise<Tried> {
    const { request, keys, token, ttlMs } = candidate;
    const { signal } = request;
    const trying = tryQuorum(this.#nodes, candidate);
    if (signal === undefined) return trying;
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([trying, aborted.promise]);
    } catch (error) {
      trying.then(
        async ({ result }) => {
          if (result === "granted") await this.#nodes.release(keys, token, "leave", { ttlMs });
        },
        () => {},
      );
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #denied(tried: Tried): Promise<DcsError> {
    const request = this.#request;
    if (tried.result === "split" && tried.tookMs !== null)
      return answeredTooLate(request.name, tried.tookMs, request.ttlMs);
    const { state } = await this.#nodes.look(request.name);
    return lockHeld(request, Math.max(0, request.waitMs), withoutOwn(state, leaseOf(this.#token)));
  }

  /** Out of the queue, which nobody has to wait for: a holder is not shown as waiting, and its place ends by itself. */
  #leave(): void {
    const { queue, places } = this.#keys;
    void this.#nodes.ask({ script: "leave", keys: [queue, places], args: [this.#token] });
  }
}
