import type { RedisConnection } from "../../redis/redis-connection.ts";
import { type BackoffPolicy, backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { AcquireRequest, Hold, LockHolder, LockMode, LockState } from "../lock.ts";
import { lockHeld, modeMixed, placeLost, withoutOwn } from "../lock-errors.ts";
import { fenceOf, goesWith, modeText } from "../lock-mode.ts";
import type { LockRecord } from "../lock-record.ts";
import { newToken, proofOf } from "../lock-token.ts";
import { checkLockValue } from "../lock-value.ts";
import { type RedisLockKeys, redisLockKeys } from "./redis-keys.ts";
import { foreignLock, leaseOf, readHolder } from "./redis-look.ts";
import type { RedisScript } from "./redis-scripts.ts";
import { holdEnd } from "./redis-times.ts";
import { Wake } from "./wake.ts";

/** A waiter's place is kept this long without another word of it; it speaks at least every third of that. */
const PLACE_MS = 6000;
/** How long a caller that failed waits for the word that nothing is left behind. */
const SETTLE_MS = 500;
const SETTLE: BackoffPolicy = { initialMs: 20, factor: 2, maxMs: 100 };

/** A request with its mode, and a TTL that can be kept. */
export interface Asked extends AcquireRequest {
  readonly mode: LockMode;
}

export interface AcquirerParts {
  readonly connection: RedisConnection<RedisScript>;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly inspect: (name: string) => Promise<LockState | null>;
}

/** What one try came to. */
type Tried =
  | { readonly hold: Hold }
  /** When it may be another's turn, ms; negative where nobody knows. The holder where the answer named it. */
  | { readonly endsInMs: number; readonly holder: LockHolder | null }
  | { readonly mixed: true };

/** Takes locks on one Redis server, alone or beside others, and gives them back. */
export class RedisAcquirer {
  readonly #parts: AcquirerParts;

  constructor(parts: AcquirerParts) {
    this.#parts = parts;
  }

  async acquire(request: Asked): Promise<Hold> {
    const { name, mode, signal, fair = true } = request;
    const { connection, clock } = this.#parts;
    const token = tokenFor(mode);
    const end = clock.monotonic() + request.waitMs;
    const wake = new Wake();
    let unsubscribe = () => {};
    let told = false;
    try {
      for (;;) {
        signal?.throwIfAborted();
        const left = end - clock.monotonic();
        const tried = await this.#try(request, token, fair ? (left > 0 ? PLACE_MS : 0) : -1);
        if ("hold" in tried) return tried.hold;
        if ("mixed" in tried || left <= 0) throw await this.#refusal(request, token, "mixed" in tried);
        if (!told) {
          told = true;
          // Subscribed before the next try, so that no message is missed. Without a place, any change may be the one.
          unsubscribe = await connection.subscribe(redisLockKeys(name).wake, (next) => {
            if (!fair || next === token || next.split(" ").includes(token)) wake.now();
          });
          if (request.onWait !== undefined) {
            const holder = tried.holder ?? (await this.#parts.inspect(name))?.holder;
            if (holder !== undefined) request.onWait(holder);
          }
          continue;
        }
        const until = tried.endsInMs >= 0 ? tried.endsInMs + 1 : PLACE_MS / 3;
        await wake.within(Math.min(until, PLACE_MS / 3, left), clock, signal);
      }
    } catch (error) {
      // Delete if mine: also after a try whose answer was lost.
      await this.#settle(name, token);
      throw error;
    } finally {
      unsubscribe();
    }
  }

  /** False when the token did not hold. */
  async release(name: string, token: string): Promise<boolean> {
    const { script, keys } = releaseOf(name, token);
    return (await this.#parts.connection.run(script, keys, [token], this.#parts.timeoutMs, true)) === 1;
  }

  /** Says it again over a new connection: the one that the answer was lost with is gone. */
  async #settle(name: string, token: string): Promise<void> {
    const { connection, clock, timeoutMs } = this.#parts;
    const { script, keys } = releaseOf(name, token);
    const end = clock.monotonic() + SETTLE_MS;
    for (let attempt = 0; ; attempt++) {
      try {
        const left = Math.min(timeoutMs, end - clock.monotonic());
        await connection.runWhole(script, keys, [token], left);
        return;
      } catch {
        const delay = backoffDelay(SETTLE, attempt);
        if (clock.monotonic() + delay >= end) return;
        await sleep(clock, delay);
      }
    }
  }

  async #try(request: Asked, token: string, placeMs: number): Promise<Tried> {
    const { connection, clock } = this.#parts;
    const { name, mode, ttlMs } = request;
    const proof = proofOf(token);
    const record: LockRecord = {
      holder: request.holder,
      reason: request.reason ?? null,
      value: checkLockValue(request.value),
      proof,
      since: clock.now(),
      ttlMs,
      detached: request.detached,
    };
    const keys = redisLockKeys(name);
    const sent = clock.monotonic();
    const values = [token, ttlMs, JSON.stringify(record), placeMs];
    const answer =
      mode.type === "exclusive"
        ? await connection.run("acquire", ownKeys(keys), values)
        : await connection.run(
            "acquire-beside",
            [...ownKeys(keys), keys.holders, keys.records],
            [...values, modeText(mode)],
          );
    const [said, value, ...rest] = answer as [number, number, string, string, string];
    if (said === -1) throw foreignLock(name);
    if (said < 0) return { mixed: true };
    if (said !== 1)
      return { endsInMs: value, holder: mode.type === "exclusive" ? readHolder(value, ...rest) : null };
    const end = holdEnd(clock, sent, ttlMs);
    // An answer that took longer than the TTL is no hold.
    if (end.deadline <= clock.monotonic()) throw placeLost(name);
    const hold = { name, token, mode, fence: fenceOf(mode, value), grant: value, reentered: false };
    return { hold: { ...hold, lease: proof.slice(0, 16), ...end } };
  }

  /** Why it was refused, as seen just now. */
  async #refusal(request: Asked, token: string, isMixed: boolean): Promise<Error> {
    const state = await this.#parts.inspect(request.name);
    const held = state?.holder;
    if (held !== undefined && (isMixed || !goesWith(held.mode, request.mode)))
      return modeMixed(request, held);
    return lockHeld(request, Math.max(0, request.waitMs), withoutOwn(state, leaseOf(token)));
  }
}

function ownKeys(keys: RedisLockKeys): readonly string[] {
  return [keys.lock, keys.state, keys.queue, keys.places, keys.wake];
}

/** Says what it is of, so that whoever has it knows where it stands. */
function tokenFor(mode: LockMode): string {
  const { text } = newToken();
  return mode.type === "exclusive" ? text : `${text}-${mode.type}`;
}

/** True for the token of one who holds, or wants to hold, beside others. */
function isBeside(token: string): boolean {
  return /-(shared|slots)$/.test(token);
}

/** The script that gives back what a token has. */
function releaseOf(
  name: string,
  token: string,
): { readonly script: RedisScript; readonly keys: readonly string[] } {
  const { lock, queue, places, wake, holders, records, ask } = redisLockKeys(name);
  const keys = [lock, queue, places, wake];
  return isBeside(token)
    ? { script: "release-beside", keys: [...keys, holders, records, ask] }
    : { script: "release", keys };
}
