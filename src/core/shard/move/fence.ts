import type { MysqlResult } from "../../mysql/mysql-connection.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import { fill } from "../../mysql/sql-text.ts";
import type { MoverSession } from "../data/mover-session.ts";
import type { BucketRow } from "./bucket-row.ts";
import { FenceMissed } from "./move-errors.ts";

/** After so long without a word from us the server gives the lock back. */
export const FENCE_WAIT_TIMEOUT_S = 2;

/**
 * The lock under which a bucket is cut off: the X lock of its row at the source, in an open transaction of a session of its own that is
 * never opened again. Whoever dies with it, or sleeps too long, holds nobody up: the server rolls it back. Every method rejects with
 * FenceMissed when the lock is not had, or no more; with a MysqlError for what is lasting.
 */
export class Fence implements Disposable {
  readonly session: MoverSession;
  readonly #bucket: number;

  /** On a session that nothing else uses; it is destroyed with the fence. */
  constructor(session: MoverSession, bucket: number) {
    this.session = session;
    this.#bucket = bucket;
  }

  /** BEGIN; the row with its X lock, waited for at most so long, because all later writers wait behind. */
  async lock(waitMs: number): Promise<BucketRow> {
    await this.#send(["START TRANSACTION"]);
    const query = `SELECT state, epoch, token FROM dcs_bucket WHERE bucket = ${this.#bucket} FOR UPDATE`;
    const [row] = await this.#missed(this.session.bounded(query, waitMs));
    return {
      state: String(row?.["state"]) as BucketRow["state"],
      epoch: Number(row?.["epoch"]),
      token: Number(row?.["token"]),
    };
  }

  /** P7, without its COMMIT: the log is read empty, and the row changed. False when the log is not empty. */
  async seal(seen: BucketRow, owner: string): Promise<boolean> {
    const bucket = this.#bucket;
    const [[left] = []] = await this.#send([
      `SELECT id FROM dcs_log WHERE bucket = ${bucket} ORDER BY id LIMIT 1`,
    ]);
    if (left !== undefined) return false;
    const [, [hit] = []] = await this.#send([
      fill(
        `UPDATE dcs_bucket SET state = 'sealed', epoch = :next, owner = :owner
          WHERE bucket = :bucket AND state = :state AND epoch = :epoch AND token = :token`,
        { bucket, ...seen, next: seen.epoch + 1, owner },
      ),
      "SELECT ROW_COUNT() AS hit",
    ]);
    if (Number(hit?.["hit"]) !== 1) throw new FenceMissed("the row is not as it was locked");
    return true;
  }

  /** Rejects with a MysqlError; then nobody knows whether the row is sealed. */
  async commit(): Promise<void> {
    await this.session.send(["COMMIT"]);
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }

  #send(statements: readonly string[]): Promise<readonly MysqlResult[]> {
    return this.#missed(this.session.send(statements));
  }

  async #missed<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (!isMysqlError(error) || isLasting(error)) throw error;
      throw new FenceMissed(sayWhy(error.errno, error.message), { cause: error });
    }
  }
}

/** What the server will say the next time too: no other cut mends it. */
export function isLasting(error: unknown): boolean {
  return isMysqlError(error, "auth", "full", "read-only", "no-database", "no-table");
}

function sayWhy(errno: number | null, message: string): string {
  if (errno === 1213) return "the server ended a deadlock with it";
  if (errno === 1969 || errno === 1317 || errno === 3024 || errno === 1205) {
    return "a transaction that writes to the bucket did not end in time";
  }
  return `the connection that held the lock was lost: ${message}`;
}
