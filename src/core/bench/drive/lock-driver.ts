import { isDcsError, toDcsError } from "../../errors.ts";
import type { LockDriver as Locks } from "../../lock/lock.ts";
import { checkLockName } from "../../lock/lock-name.ts";
import { openLocks } from "../../lock/open-locks.ts";
import { currentHolder } from "../../process/identity.ts";
import type { Holder } from "../../store/store.ts";
import { redact } from "../../util/redact.ts";
import type { LockPlaces } from "../bench-plan.ts";
import type { Call, Driver, DriverShare } from "./driver.ts";
import { numbering, template } from "./request-numbers.ts";

export interface LockBenchDriverOptions {
  /** With `{n}` and `{r}` (see RequestNumbers), for locks that nobody else wants. */
  readonly name: string;
  readonly places: LockPlaces;
  readonly share: DriverShare;
  readonly workers: number;
}

const MOST_IN_TURN = 32;

/**
 * A lock taken and given back, through the locks of this library over one client, as a process that uses them has it. Who finds the
 * lock held waits for its turn until the request's time is over: that is a timeout, not LOCK_HELD. What was acquired when nobody
 * wanted it any more is given back.
 */
export class LockBenchDriver implements Driver {
  readonly #locks: Locks;
  readonly #nextName: () => string;
  readonly #ttlMs: number;
  readonly #holder: Holder = currentHolder("dcs bench");
  /** By what ends it. */
  readonly #cycles = new Map<AbortController, Promise<void>>();
  /** Cycles begun in this turn of the event loop. */
  #inTurn = 0;
  #isClosed = false;

  /** Opens the locks. NAME_INVALID, URL_INVALID, TTL_INVALID, and what the locks' own place says when it cannot be used. */
  static async open({ name, places, share, workers }: LockBenchDriverOptions): Promise<LockBenchDriver> {
    const nameOf = template(name);
    const numbers = numbering({ worker: share.worker, workers });
    checkLockName(nameOf({ n: 0, r: 0 }));
    const { locks: url, timeoutMs, stateDir, ttlMs } = places;
    const locks = await openLocks({ url, timeoutMs, stateDir });
    try {
      // Stores connect with the first question.
      await locks.inspect(nameOf({ n: 0, r: 0 }));
    } catch (error) {
      await locks.close();
      throw error;
    }
    return new LockBenchDriver(locks, () => nameOf(numbers()), ttlMs);
  }

  private constructor(locks: Locks, nextName: () => string, ttlMs: number) {
    this.#locks = locks;
    this.#nextName = nextName;
    this.#ttlMs = ttlMs;
  }

  send(call: Call): void {
    if (this.#isClosed) return;
    const end = new AbortController();
    call.cancel = () => end.abort(new Error("given up"));
    const cycle = this.#cycle(call, end.signal).finally(() => this.#cycles.delete(end));
    this.#cycles.set(end, cycle);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const end of this.#cycles.keys()) end.abort(new Error("the driver was closed"));
    await Promise.all(this.#cycles.values());
    await this.#locks.close();
  }

  /** Never rejects. */
  async #cycle(call: Call, signal: AbortSignal): Promise<void> {
    if (this.#mustYield()) await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) return;
    call.began();
    try {
      const { name, token } = await this.#locks.acquire({
        name: this.#nextName(),
        ttlMs: this.#ttlMs,
        waitMs: Number.POSITIVE_INFINITY,
        holder: this.#holder,
        detached: false,
        signal,
      });
      // Whatever the signal says by now: nobody else would give it back.
      await this.#locks.release(name, token);
      if (!signal.aborted) call.ok(0);
    } catch (error) {
      if (!signal.aborted) call.failed(kindOf(error), redact(toDcsError(error).message));
    }
  }

  /** Locks of the embedded store answer within one turn of the event loop: without a rest, nothing else would be heard. */
  #mustYield(): boolean {
    if (this.#inTurn === 0) {
      setImmediate(() => {
        this.#inTurn = 0;
      });
    }
    this.#inTurn += 1;
    return this.#inTurn > MOST_IN_TURN;
  }
}

function kindOf(error: unknown): string {
  return isDcsError(error) ? error.code : "error";
}
