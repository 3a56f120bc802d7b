import type { Clock } from "../util/clock.ts";
import {
  type MysqlAnswer,
  MysqlConnection,
  type MysqlResult,
  type MysqlSessionOptions,
} from "./mysql-connection.ts";
import { isMysqlError, MysqlError, PoolBusyError } from "./mysql-error.ts";
import type { MysqlTarget } from "./mysql-url.ts";

export interface MysqlPoolOptions extends MysqlSessionOptions {
  readonly clock: Clock;
  /** Bound of each conversation, waiting for a connection and connecting as well, ms. */
  readonly timeoutMs: number;
  /** At most so many sessions at once (4). */
  readonly size?: number;
}

type Work<T> = (connection: PooledConnection) => Promise<T>;

/** A session lent for a while, with the time that is left. */
export interface PooledConnection {
  readonly maxPacket: number;
  send(statements: readonly string[]): Promise<readonly MysqlResult[]>;
  /** As MysqlConnection's, for a pool whose sessions are `isForeign`. */
  query(sql: string): Promise<MysqlAnswer>;
  /** Breaks it off, whatever it is doing; the server rolls back. */
  destroy(): void;
}

/** Limits within the time of a piece of work, ms; all of it unless given. */
export interface WorkLimits {
  /** Of waiting for a session. PoolBusyError when none becomes free. */
  readonly waitMs?: number;
  /** Of connecting, and of each answer. */
  readonly answerMs?: number;
}

/** A few sessions of one server. Broken ones are dropped, and new ones are opened when they are wanted. */
export class MysqlPool implements AsyncDisposable {
  readonly target: MysqlTarget;
  readonly #options: MysqlPoolOptions;
  readonly #idle: MysqlConnection[] = [];
  readonly #waiting: (() => void)[] = [];
  #lent = 0;
  #isClosed = false;

  /** Connects once, to learn that it can. Rejects with a MysqlError. */
  static async open(target: MysqlTarget, options: MysqlPoolOptions): Promise<MysqlPool> {
    const pool = new MysqlPool(target, options);
    await pool.use(async () => {});
    return pool;
  }

  private constructor(target: MysqlTarget, options: MysqlPoolOptions) {
    this.target = target;
    this.#options = options;
  }

  /** Statements in one round trip. */
  send(statements: readonly string[]): Promise<readonly MysqlResult[]> {
    return this.use((connection) => connection.send(statements));
  }

  /**
   * Does work on one session. When it fails, what its transaction did is rolled back. Rejects with a MysqlError, or with
   * what the work threw itself.
   */
  async use<T>(work: Work<T>, timeoutMs = this.#options.timeoutMs, limits: WorkLimits = {}): Promise<T> {
    const { clock } = this.#options;
    const { waitMs = timeoutMs, answerMs = timeoutMs } = limits;
    const end = clock.monotonic() + timeoutMs;
    const left = () => Math.max(1, Math.min(answerMs, end - clock.monotonic()));
    await this.#turn(Math.min(waitMs, timeoutMs));
    let connection: MysqlConnection | null = null;
    try {
      connection = this.#take() ?? (await MysqlConnection.open(this.target, clock, left(), this.#options));
      const lent = connection;
      const done = await work({
        maxPacket: lent.maxPacket,
        send: (statements) => lent.send(statements, left()),
        query: (sql) => lent.query(sql, left()),
        destroy: () => lent.destroy(),
      });
      this.#give(lent);
      return done;
    } catch (error) {
      if (connection !== null) await this.#rollBack(connection, left());
      // What broke one has mostly broken all: the server was restarted.
      if (isMysqlError(error, "lost", "unreachable", "read-only")) this.#drop();
      throw error;
    } finally {
      // Whoever waits takes over the turn, before anybody who comes now.
      const next = this.#waiting.shift();
      if (next === undefined) this.#lent--;
      else next();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const connection of this.#idle.splice(0)) connection.end();
  }

  async #turn(timeoutMs: number): Promise<void> {
    if (this.#lent < (this.#options.size ?? 4)) {
      this.#lent++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.timer(timeoutMs, () => {
      const place = this.#waiting.indexOf(resolve);
      if (place < 0) return;
      this.#waiting.splice(place, 1);
      reject(new PoolBusyError());
    });
    this.#waiting.push(resolve);
    await promise.finally(cancel);
  }

  #take(): MysqlConnection | null {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return null;
      if (connection.isUsable) return connection;
      connection.destroy();
    }
  }

  #give(connection: MysqlConnection): void {
    if (this.#isClosed) connection.end();
    else this.#idle.push(connection);
  }

  async #rollBack(connection: MysqlConnection, timeoutMs: number): Promise<void> {
    try {
      if (!connection.isUsable) throw new MysqlError("lost", "the connection was lost");
      await connection.send(["ROLLBACK"], timeoutMs);
      this.#give(connection);
    } catch {
      // Without us the server rolls back by itself.
      connection.destroy();
    }
  }

  #drop(): void {
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }
}
