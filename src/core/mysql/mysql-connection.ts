import type { Connection, ConnectionOptions, FieldPacket } from "mysql2";
import type { Clock } from "../util/clock.ts";
import { MysqlError, toMysqlError } from "./mysql-error.ts";
import type { MysqlTarget } from "./mysql-url.ts";

/** A row as mysql2 returns it with the settings of this file. */
export type MysqlRow = Readonly<Record<string, string | number | null>>;
/** What one statement returned: its rows, or none. */
export type MysqlResult = readonly MysqlRow[];

/** A value of a row that an application asked for: a big number as text, bytes as a Buffer, a date as the server writes it. */
export type MysqlValue = string | number | null | Buffer;

/** What a statement of an application came to. */
export interface MysqlAnswer {
  /** Null for a statement that gives none. */
  readonly rows: readonly Readonly<Record<string, MysqlValue>>[] | null;
  /** Names of the columns, in order. */
  readonly columns: readonly string[];
  /** Rows that were matched, also those that stayed as they were. */
  readonly affectedRows: number;
  /** Of an AUTO_INCREMENT column; as text past 2^53; 0 where there is none. */
  readonly insertId: number | string;
}

export interface MysqlSessionOptions {
  /** For statements that come from outside: one at a time, and nothing lost of what it returns (`query`). */
  readonly isForeign?: boolean;
}

/**
 * A server that is cut off from us must end our transaction by itself, or its locks stay for the server's 8 hours. Idle
 * connections are given up earlier.
 */
const WAIT_TIMEOUT_S = 30;

/**
 * One session of a server. mysql2 by itself waits for ever for an answer (a server behind a black hole never ends a query),
 * and throws an unheard error of an idle connection. So every conversation has a limit of time, after which the connection is
 * destroyed.
 */
export class MysqlConnection {
  readonly #connection: Connection;
  readonly #clock: Clock;
  #isUsable = true;
  #usedAt: number;
  #maxPacket = 0;

  /** Logs in and sets up the session: UTC, strict, READ COMMITTED. Rejects with a MysqlError. */
  static async open(
    target: MysqlTarget,
    clock: Clock,
    timeoutMs: number,
    { isForeign = false }: MysqlSessionOptions = {},
  ): Promise<MysqlConnection> {
    const { createConnection } = await import("mysql2");
    const connection = createConnection({
      ...optionsOf(target, timeoutMs),
      ...(isForeign && { multipleStatements: false, supportBigNumbers: true, jsonStrings: true }),
    });
    const self = new MysqlConnection(connection, clock);
    const end = clock.monotonic() + timeoutMs;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    connection.once("connect", () => resolve());
    connection.once("error", reject);
    try {
      await self.#within(timeoutMs, promise, true);
      await self.#setUp(timeoutMs, () => end - clock.monotonic(), isForeign);
    } catch (error) {
      self.destroy();
      throw toMysqlError(error, true);
    }
    return self;
  }

  private constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#usedAt = clock.monotonic();
    for (const event of ["error", "end"] as const) {
      connection.on(event, () => {
        this.#isUsable = false;
      });
    }
  }

  /** False once it broke, and when the server may be about to end it. */
  get isUsable(): boolean {
    return this.#isUsable && this.#clock.monotonic() - this.#usedAt < (WAIT_TIMEOUT_S * 1000) / 2;
  }

  /** Longest text of statements that the server takes, bytes. */
  get maxPacket(): number {
    return this.#maxPacket;
  }

  /** Sends statements in one round trip; resolves with what each returned. Rejects with a MysqlError. */
  async send(statements: readonly string[], timeoutMs: number): Promise<readonly MysqlResult[]> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#connection.query(statements.join(";\n"), (error, results: unknown) => {
      if (error === null) resolve(results);
      else reject(error);
    });
    const results = await this.#within(timeoutMs, promise, false);
    this.#usedAt = this.#clock.monotonic();
    const all = statements.length === 1 ? [results] : (results as readonly unknown[]);
    return all.map((each) => (Array.isArray(each) ? each : []));
  }

  /** One statement of an application, parameters put in already, with all that it returns. Rejects with a MysqlError. */
  async query(sql: string, timeoutMs: number): Promise<MysqlAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<MysqlAnswer>();
    this.#connection.query(sql, (error, results: unknown, fields: unknown) => {
      if (error === null) resolve(answerOf(results, fields));
      else reject(error);
    });
    const answer = await this.#within(timeoutMs, promise, false);
    this.#usedAt = this.#clock.monotonic();
    return answer;
  }

  destroy(): void {
    this.#isUsable = false;
    this.#connection.destroy();
  }

  /** Takes leave of the server, without waiting for it. */
  end(): void {
    this.#isUsable = false;
    // A server that is cut off never says goodbye.
    const cancel = this.#clock.timer(100, () => this.#connection.destroy());
    this.#connection.once("end", cancel);
    this.#connection.end();
  }

  async #setUp(timeoutMs: number, left: () => number, oneByOne: boolean): Promise<void> {
    const lockWait = Math.max(1, Math.floor(timeoutMs / 2000));
    const statements = [
      `SET autocommit = 1, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', wait_timeout = ${WAIT_TIMEOUT_S}, innodb_lock_wait_timeout = ${lockWait}`,
      "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
      "SELECT @@max_allowed_packet AS packet",
    ];
    let last: MysqlResult | undefined;
    for (const batch of oneByOne ? statements.map((each) => [each]) : [statements]) {
      last = (await this.send(batch, left())).at(-1);
    }
    this.#maxPacket = Number(last?.[0]?.["packet"] ?? 0);
  }

  /** After the time or a failure of the connection it is destroyed: a late answer must not meet another question. */
  async #within<T>(ms: number, answer: Promise<T>, connecting: boolean): Promise<T> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#clock.timer(Math.max(0, ms), () =>
      late.reject(new MysqlError("unreachable", `no answer within ${Math.round(ms)} ms`)),
    );
    try {
      return await Promise.race([answer, late.promise]);
    } catch (thrown) {
      const error = toMysqlError(thrown, connecting);
      if (error.failure === "unreachable" || error.failure === "lost") this.destroy();
      throw error;
    } finally {
      cancel();
      answer.catch(() => {});
    }
  }
}

/** A procedure gives several results, of which the last only says that it is done: its first is taken. */
function answerOf(results: unknown, fields: unknown): MysqlAnswer {
  const isCall = Array.isArray(results) && Array.isArray((fields as unknown[] | undefined)?.[0]);
  const result: unknown = isCall ? (results as unknown[])[0] : results;
  const names = ((isCall ? (fields as unknown[])[0] : fields) ?? []) as readonly FieldPacket[];
  if (Array.isArray(result)) {
    return { rows: result, columns: names.map(({ name }) => name), affectedRows: 0, insertId: 0 };
  }
  const { affectedRows, insertId } = result as { affectedRows?: number; insertId?: number | string };
  return { rows: null, columns: [], affectedRows: affectedRows ?? 0, insertId: insertId ?? 0 };
}

function optionsOf(
  { host, port, user, password, database, tls }: MysqlTarget,
  ms: number,
): ConnectionOptions {
  return {
    host,
    port,
    user,
    database,
    ...(password !== null && { password }),
    // Of its options for TLS only these two check the name in the certificate as well.
    ...(tls !== "off" && {
      ssl: { rejectUnauthorized: tls === "verify", verifyIdentity: tls === "verify", minVersion: "TLSv1.2" },
    }),
    // One collation for texts of statements and of columns, so that comparing them uses the index.
    charset: "UTF8MB4_BIN",
    multipleStatements: true,
    connectTimeout: Math.max(1, Math.ceil(ms)),
    dateStrings: true,
    // Never a local file, whatever the server asks for.
    flags: ["-LOCAL_FILES"],
  };
}
