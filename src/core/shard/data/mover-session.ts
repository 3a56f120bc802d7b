import { MysqlConnection, type MysqlResult } from "../../mysql/mysql-connection.ts";
import { isMysqlError, MysqlError } from "../../mysql/mysql-error.ts";
import { type MysqlTarget, parseMysqlUrl } from "../../mysql/mysql-url.ts";
import type { Clock } from "../../util/clock.ts";

/** Of a statement that the server ended because its time was over: MariaDB, a KILL QUERY, MySQL. */
const TIME_OVER: readonly (number | null)[] = [1969, 1317, 3024];
/** A mover sends a transaction in one packet, so that a session which is cut off holds no locks; a fence asks for less. */
const WAIT_TIMEOUT_S = 600;

export interface MoverSessionOptions {
  /** After so long without a word from us the server ends the session and its transaction, seconds (600). */
  readonly waitTimeoutS?: number;
}

/** Opens another session of the same server. */
export type OpenSession = () => Promise<MoverSession>;

/**
 * A mover's own session of a server: UTC, READ COMMITTED, strict, no foreign keys or constraints checked (the source has done so); zeros stay zeros. Any error ends it:
 * what its transaction did and what its variables say is then nobody's guess. It never reconnects.
 */
export class MoverSession implements Disposable {
  readonly dialect: "mariadb" | "mysql";
  /** The server's number of it, as KILL takes it. */
  readonly id: number;
  readonly #connection: MysqlConnection;
  readonly #again: () => Promise<MysqlConnection>;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  /** Rejects with a MysqlError, or URL_INVALID. Every answer must come within the time. */
  static async open(
    target: MysqlTarget | string,
    clock: Clock,
    timeoutMs: number,
    { waitTimeoutS = WAIT_TIMEOUT_S }: MoverSessionOptions = {},
  ): Promise<MoverSession> {
    const to = typeof target === "string" ? parseMysqlUrl(target) : target;
    const open = () => MysqlConnection.open(to, clock, timeoutMs, { waitTimeoutS, bytes: true });
    const connection = await open();
    try {
      const results = await connection.send(
        [
          "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
          "SET SESSION foreign_key_checks = 0, sql_safe_updates = 0",
          "SELECT VERSION() AS version, CONNECTION_ID() AS id",
        ],
        timeoutMs,
      );
      const { version, id } = results[2]?.[0] ?? {};
      const dialect = String(version).toLowerCase().includes("mariadb") ? "mariadb" : "mysql";
      const limit = connection.maxPacket;
      await connection.send(
        [
          `SET SESSION group_concat_max_len = ${limit}`,
          // By then we have given the answer up, and the server need not go on for it.
          dialect === "mariadb"
            ? `SET SESSION max_statement_time = ${timeoutMs / 1000}, check_constraint_checks = 0`
            : `SET SESSION max_execution_time = ${Math.ceil(timeoutMs)}`,
        ],
        timeoutMs,
      );
      return new MoverSession(connection, { open, clock, timeoutMs, dialect, id: Number(id) });
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  private constructor(
    connection: MysqlConnection,
    of: {
      readonly open: () => Promise<MysqlConnection>;
      readonly clock: Clock;
      readonly timeoutMs: number;
      readonly dialect: "mariadb" | "mysql";
      readonly id: number;
    },
  ) {
    this.#connection = connection;
    this.#again = of.open;
    this.#clock = of.clock;
    this.#timeoutMs = of.timeoutMs;
    this.dialect = of.dialect;
    this.id = of.id;
  }

  /** False once anything failed, and when the server may be about to end it. */
  get isUsable(): boolean {
    return this.#connection.isUsable;
  }

  /** Longest text of statements that the server takes, bytes. */
  get maxPacket(): number {
    return this.#connection.maxPacket;
  }

  /** Statements in one round trip; what each returned. Rejects with a MysqlError, and is destroyed. */
  send(statements: readonly string[], timeoutMs = this.#timeoutMs): Promise<readonly MysqlResult[]> {
    return this.#orDestroyed(this.#connection.send(statements, timeoutMs));
  }

  /** As `send`, one character a byte (MysqlConnection.sendBytes says why); values are strings or null. */
  sendBytes(statements: readonly string[], timeoutMs = this.#timeoutMs): Promise<readonly MysqlResult[]> {
    return this.#orDestroyed(this.#connection.sendBytes(statements, timeoutMs));
  }

  /**
   * One statement that the server itself gives up after so long: who waits for a lock keeps those behind it waiting too, and a
   * limit of ours alone would leave it there. Rejects with a MysqlError for which `isTimeOver` holds.
   */
  async bounded(statement: string, ms: number): Promise<MysqlResult> {
    if (this.dialect === "mariadb") {
      const bound = `SET STATEMENT max_statement_time = ${Math.max(1, ms) / 1000} FOR ${statement}`;
      return (await this.send([bound]))[0] ?? [];
    }
    // MySQL's own limit is for reads only. Connected before, because connecting may take as long as the statement has.
    const killer = await this.#again();
    const cancel = this.#clock.timer(ms, () => {
      killer.send([`KILL QUERY ${this.id}`], this.#timeoutMs).catch(() => this.destroy());
    });
    try {
      return (await this.send([statement]))[0] ?? [];
    } finally {
      cancel();
      killer.destroy();
    }
  }

  destroy(): void {
    this.#connection.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  async #orDestroyed<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      this.destroy();
      throw error;
    }
  }
}

/** True when the server ended a statement because its time was over, or it waited too long for a lock. */
export function isTimeOver(error: unknown): error is MysqlError {
  return error instanceof MysqlError && (TIME_OVER.includes(error.errno) || error.errno === 1205);
}

/** True when the server took back a whole transaction of its own accord: it may be sent again as it was. */
export function isRolledBack(error: unknown): boolean {
  return isMysqlError(error, "conflict") || isTimeOver(error);
}
