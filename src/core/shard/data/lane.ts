import { type Clock, sleep } from "../../util/clock.ts";
import { isRolledBack, type MoverSession, type OpenSession } from "./mover-session.ts";

const TRIES = 8;

/** A session that is opened when it is needed, and again after it was destroyed. */
export class Lane implements Disposable {
  readonly #open: OpenSession;
  readonly #clock: Clock;
  #session: MoverSession | null = null;

  constructor(open: OpenSession, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  /** Rejects with a MysqlError when there is none to be had. */
  async session(): Promise<MoverSession> {
    if (this.#session?.isUsable !== true) {
      this.#session?.destroy();
      this.#session = await this.#open();
    }
    return this.#session;
  }

  /**
   * Does what may be done twice, again on a new session as long as the server says that it took it back (a deadlock, a lock that did
   * not come). Every other failure is the caller's: it may have been done, or may never be.
   */
  async use<T>(work: (session: MoverSession) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let tried = 1; ; tried++) {
      signal.throwIfAborted();
      try {
        return await work(await this.session());
      } catch (error) {
        if (!isRolledBack(error) || tried === TRIES) throw error;
        await sleep(this.#clock, Math.random() * 10 * 2 ** tried, signal);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#session?.destroy();
  }
}
