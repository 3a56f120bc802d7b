import type { Socket } from "node:net";
import type { Connection, ConnectionOptions, FieldPacket, QueryOptions } from "mysql2";
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

/**
 * A server that is cut off from us must end our transaction by itself, or its locks stay for the server's 8 hours. Idle
 * connections are given up earlier.
 */
const WAIT_TIMEOUT_S = 30;

/** The number of a charset in which mysql2 writes one byte for a character. */
const LATIN1_BIN = 47;

/** How a session differs from others. */
export interface MysqlSessionOptions {
  /** After so long without a word from us the server ends it, seconds (30). */
  readonly waitTimeoutS?: number;
  /** Offers `sendBytes`. */
  readonly bytes?: boolean;
  /** For statements that come from outside: one at a time, and nothing lost of what it returns (`query`). */
  readonly isForeign?: boolean;
}

/**
 * One session of a server. mysql2 by itself waits for ever for an answer (a server behind a black hole never ends a query),
 * and throws an unheard error of an idle connection. So every conversation has a limit of time, after which the connection is
 * destroyed.
 */
export class MysqlConnection {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #waitTimeoutS: number;
  readonly #isBytes: boolean;
  readonly #shown: string;
  #isUsable = true;
  #usedAt: number;
  #maxPacket = 0;

  /** Logs in and sets up the session: UTC, strict, READ COMMITTED. Rejects with a MysqlError. */
  static async open(
    target: MysqlTarget,
    clock: Clock,
    timeoutMs: number,
    { isForeign = false, waitTimeoutS = WAIT_TIMEOUT_S, bytes = false }: MysqlSessionOptions = {},
  ): Promise<MysqlConnection> {
    const { createConnection } = await import("mysql2");
    const connection = createConnection({
      ...optionsOf(target, timeoutMs),
      ...(isForeign && { multipleStatements: false, supportBigNumbers: true, jsonStrings: true }),
    });
    const self = new MysqlConnection(connection, { clock, waitTimeoutS, bytes, shown: target.shown });
    const end = clock.monotonic() + timeoutMs;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    connection.once("connect", () => resolve());
    connection.once("error", reject);
    try {
      await self.#within(timeoutMs, promise, true);
      // From here on, when the login's names are sent. It is the charset of every query that is written, and nothing else.
      if (bytes) Object.assign(connection.config, { charsetNumber: LATIN1_BIN });
      await self.#setUp(timeoutMs, () => end - clock.monotonic(), isForeign);
    } catch (error) {
      self.destroy();
      throw toMysqlError(error, true);
    }
    return self;
  }

  private constructor(
    connection: Connection,
    of: {
      readonly clock: Clock;
      readonly waitTimeoutS: number;
      readonly bytes: boolean;
      readonly shown: string;
    },
  ) {
    this.#connection = connection;
    this.#clock = of.clock;
    this.#waitTimeoutS = of.waitTimeoutS;
    this.#isBytes = of.bytes;
    this.#shown = of.shown;
    this.#usedAt = of.clock.monotonic();
    for (const event of ["error", "end"] as const) {
      connection.on(event, () => {
        this.#isUsable = false;
      });
    }
  }

  /** False once it broke, and when the server may be about to end it. */
  get isUsable(): boolean {
    return this.#isUsable && this.#clock.monotonic() - this.#usedAt < (this.#waitTimeoutS * 1000) / 2;
  }

  /** Longest text of statements that the server takes, bytes. */
  get maxPacket(): number {
    return this.#maxPacket;
  }

  /** Sends statements in one round trip; resolves with what each returned. Rejects with a MysqlError. */
  async send(statements: readonly string[], timeoutMs: number): Promise<readonly MysqlResult[]> {
    const text = statements.join(";\n");
    return this.#ask({ sql: this.#isBytes ? toBytes(text) : text }, statements.length, timeoutMs);
  }

  /**
   * As `send`, with one character for each byte of the statements and of what they return, which are strings or null: a server
   * keeps texts that are no Unicode (a lone surrogate), and as characters those would come back as others.
   */
  async sendBytes(statements: readonly string[], timeoutMs: number): Promise<readonly MysqlResult[]> {
    if (!this.#isBytes) throw new TypeError("the session was not opened for bytes");
    return this.#ask({ sql: statements.join(";\n"), typeCast: asBytes }, statements.length, timeoutMs);
  }

  async #ask(query: QueryOptions, count: number, timeoutMs: number): Promise<readonly MysqlResult[]> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#connection.query(query, (error, results: unknown) => {
      if (error === null) resolve(results);
      else reject(error);
    });
    const results = await this.#within(timeoutMs, promise, false);
    this.#usedAt = this.#clock.monotonic();
    const all = count === 1 ? [results] : (results as readonly unknown[]);
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
    // mysql2 ends our side only: a server that stands still never ends its own, and the socket would keep the process.
    (this.#connection as Connection & { readonly stream: Socket }).stream.destroy();
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
      `SET autocommit = 1, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', wait_timeout = ${this.#waitTimeoutS}, innodb_lock_wait_timeout = ${lockWait}`,
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
      error.server ??= this.#shown;
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

/** A text as `sendBytes` has it: its bytes in UTF-8, one character each. */
export function toBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** A text that `sendBytes` gave, for people. */
export function fromBytes(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

const asBytes = (field: { string(encoding: string): string | null }) => field.string("latin1");

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
