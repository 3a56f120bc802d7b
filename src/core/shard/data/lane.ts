import { MysqlError } from "../../mysql/mysql-error.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import { isRolledBack, type MoverSession, type OpenSession } from "./mover-session.ts";

const TRIES = 8;

/** A session that is opened when it is needed, and again after it was destroyed. */
export class Lane implements Disposable {
  readonly #open: OpenSession;
  readonly #clock: Clock;
  #session: Promise<MoverSession | null> = Promise.resolve(null);
  #isClosed = false;

  constructor(open: OpenSession, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  /** Rejects with a MysqlError when there is none to be had. */
  async session(): Promise<MoverSession> {
    // Who asks while one is being opened waits for that one.
    const mine = this.#session.then((had) => (had?.isUsable === true ? had : this.#another(had)));
    this.#session = mine.catch(() => null);
    return await mine;
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
    this.#isClosed = true;
    this.#session.then(
      (session) => session?.destroy(),
      () => {},
    );
  }

  async #another(had: MoverSession | null): Promise<MoverSession> {
    had?.destroy();
    if (this.#isClosed) throw new MysqlError("lost", "the session was ended by its owner");
    return await this.#open();
  }
}
