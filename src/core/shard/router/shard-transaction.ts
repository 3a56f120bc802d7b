import { DcsError } from "../../errors.ts";
import { bindParams, type SqlParam } from "../../mysql/bind-params.ts";
import type { MysqlAnswer } from "../../mysql/mysql-connection.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import type { PooledConnection } from "../../mysql/mysql-pool.ts";
import { fill, listOf } from "../../mysql/sql-text.ts";
import { judgeGuard, refusalOf, type Wanted } from "./bucket-refusal.ts";
import { serverError } from "./server-error.ts";
import { statementKind } from "./statement-kind.ts";
import { SQL } from "./statements.generated.ts";

/** What a statement came to. */
export interface ShardResult {
  /** Empty for a statement that gives none. Big numbers and decimals are texts, bytes Buffers, dates as the server writes them in UTC. */
  readonly rows: readonly Readonly<Record<string, string | number | null | Buffer>>[];
  /** Names of the columns of the rows, in order. */
  readonly columns: readonly string[];
  /** Rows that were matched, also those that stayed as they were. */
  readonly affectedRows: number;
  /** Of an AUTO_INCREMENT column; as text past 2^53; 0 where there is none. */
  readonly insertId: number | string;
}

export interface QueryOptions {
  /** Looks, with a lock to the end of the transaction, whether the bucket is still here, before the statement is run. */
  readonly strict?: boolean;
}

/** A transaction on the one shard that has the key's bucket. */
export interface ShardTransaction {
  readonly shard: string;
  readonly bucket: number;
  /** By which it was routed. */
  readonly epoch: number;
  /**
   * One statement; `?` stands for a parameter. Rejects with SHARD_STATEMENT_FAILED or SHARD_CONSTRAINT for what the server
   * refuses, after which the transaction goes on; with anything else it is over, whatever the caller makes of it.
   */
  query(sql: string, params?: readonly SqlParam[], options?: QueryOptions): Promise<ShardResult>;
}

/** Where a transaction goes: its own bucket first, then those it was allowed beside it. */
export interface Place {
  readonly shard: string;
  /** Its URL without the password. */
  readonly shown: string;
  readonly wanted: readonly [Wanted, ...Wanted[]];
}

/** After these the server still has the transaction, and the application may go on with it. */
const SURVIVED = ["SHARD_STATEMENT_FAILED", "SHARD_CONSTRAINT", "SHARD_STATEMENT_REFUSED", "USAGE"];

/** The statements of one try of a transaction, one after the other, with the guard where one is due. */
export class OpenTransaction implements ShardTransaction {
  readonly #connection: PooledConnection;
  readonly #place: Place;
  #last: Promise<unknown> = Promise.resolve();
  #doom: unknown = null;
  #isOver = false;

  constructor(connection: PooledConnection, place: Place) {
    this.#connection = connection;
    this.#place = place;
  }

  get shard(): string {
    return this.#place.shard;
  }

  get bucket(): number {
    return this.#place.wanted[0].bucket;
  }

  get epoch(): number {
    return this.#place.wanted[0].epoch;
  }

  query(
    sql: string,
    params: readonly SqlParam[] = [],
    { strict = false }: QueryOptions = {},
  ): Promise<ShardResult> {
    if (this.#isOver) {
      return Promise.reject(
        new DcsError("USAGE", "the transaction is over: its function has returned already"),
      );
    }
    const result = this.#last.then(() => this.#run(sql, params, strict));
    this.#last = result.catch(() => {});
    return result;
  }

  /** Waits for what was asked for; rejects when the transaction must not be committed. No statement is taken any more. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await this.#last;
    if (this.#doom !== null) throw this.#doom;
  }

  /** Breaks it off: its function goes on by itself, and must not meet whoever has the session next. */
  abandon(why: unknown): void {
    this.#isOver = true;
    this.#doom = why;
    this.#connection.destroy();
  }

  /** Rejects with a BucketRefusal when one of the buckets is not here as it was routed. The locks last to the end. */
  async guard(): Promise<void> {
    const { wanted } = this.#place;
    const buckets = listOf(wanted.map(({ bucket }) => bucket));
    const [rows = []] = await this.#connection.send([fill(SQL.guard, { buckets })]);
    const refusal = judgeGuard(rows, wanted);
    if (refusal !== null) throw refusal;
  }

  async #run(sql: string, params: readonly SqlParam[], strict: boolean): Promise<ShardResult> {
    if (this.#doom !== null) throw this.#doom;
    try {
      const kind = statementKind(sql);
      const text = bound(sql, params);
      if (strict) await this.guard();
      const answer = await this.#connection.query(text);
      // What fired no trigger was refused by none. A DELETE … RETURNING gives rows, and no number.
      const isMiss = kind === "write" && answer.affectedRows === 0 && (answer.rows ?? []).length === 0;
      if (isMiss || kind === "call") await this.guard();
      return resultOf(answer);
    } catch (error) {
      // A lock that was not given took back the statement only, or all of it, as the server is set up: it is never gone on with.
      const thrown = refusalOf(error, this.bucket) ?? error;
      const seen = isMysqlError(thrown) ? serverError(thrown, this.#place) : thrown;
      if (seen instanceof DcsError && SURVIVED.includes(seen.code)) throw seen;
      this.#doom = thrown;
      throw seen;
    }
  }
}

/** Parameters put in. USAGE where they do not fit. */
export function bound(sql: string, params: readonly SqlParam[]): string {
  try {
    return bindParams(sql, params);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new DcsError("USAGE", error.message, {
      cause: error,
      hint: "give one parameter for each ?: a text, number, bigint, boolean, null, Date, bytes, or a list of them",
    });
  }
}

export function resultOf({ rows, columns, affectedRows, insertId }: MysqlAnswer): ShardResult {
  return { rows: rows ?? [], columns, affectedRows, insertId };
}
