import type { MysqlConnection, MysqlResult } from "../../mysql/mysql-connection.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import { fill } from "../../mysql/sql-text.ts";
import type { Clock } from "../../util/clock.ts";
import type { BucketState } from "../names.ts";

/** A row of `dcs_bucket`. */
export interface BucketRow {
  readonly state: BucketState;
  readonly epoch: number;
  readonly token: number;
}

export interface RowChange {
  readonly bucket: number;
  /** The row as this runner last read or wrote it. */
  readonly seen: BucketRow;
  readonly to: BucketRow;
  /** Whom a refusal names. */
  readonly owner: string;
  /** What else is done in the transaction; `when` is a condition that is true where the row was hit. */
  readonly more?: (when: string) => readonly string[];
  /** How long it may wait for the row's lock, ms: for so long it makes later writers wait as well. */
  readonly waitMs: number;
}

/** The row is not as it was seen: somebody else changed it. */
export class RowMissed extends Error {}

/** The row's lock was not to be had in time, or the server chose this transaction to end a deadlock. */
const BUSY = new Set([1205, 1213, 1317, 1969, 3024]);

/** True when a request for a lock was given up, and may be made again. */
export function isLockMissed(error: unknown): boolean {
  return isMysqlError(error) && error.errno !== null && BUSY.has(error.errno);
}

/** For so long a session that is idle is kept: longer than any phase, and it holds no lock while it is idle. */
const IDLE_S = 28_800;
/** What InnoDB's own limit is set to, ms: of a wait that may be so long, no other is needed. */
const LOCK_WAIT_MS = 1000;

interface RowsOptions {
  readonly dialect: "mariadb" | "mysql";
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** Opens a session of the server that the first one was of. */
export type OpenRows = () => Promise<MysqlConnection>;

/** A session that reads and changes rows of `dcs_bucket` of one server, each change a compare-and-set. */
export class BucketRows implements Disposable {
  readonly #dialect: "mariadb" | "mysql";
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #open: OpenRows;
  #connection: MysqlConnection;

  /** `open` is for later: only a killed statement tells MySQL to wait no longer, and that takes a second session. */
  static async open(connection: MysqlConnection, open: OpenRows, how: RowsOptions): Promise<BucketRows> {
    return new BucketRows(await setUp(connection, how.timeoutMs), open, how);
  }

  private constructor(
    connection: MysqlConnection,
    open: OpenRows,
    { dialect, clock, timeoutMs }: RowsOptions,
  ) {
    this.#connection = connection;
    this.#open = open;
    this.#dialect = dialect;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Reads without a lock; a bucket that was never there is made `gone@0` first. */
  async read(bucket: number): Promise<BucketRow> {
    const make = `INSERT IGNORE INTO dcs_bucket (bucket, state, epoch, token, owner) VALUES (${bucket}, 'gone', 0, 0, '')`;
    const query = `SELECT state, epoch, token FROM dcs_bucket WHERE bucket = ${bucket}`;
    let [[row] = []] = await this.send([query]);
    if (row === undefined) row = (await this.send([make, query]))[1]?.[0];
    return {
      state: String(row?.["state"]) as BucketState,
      epoch: Number(row?.["epoch"]),
      token: Number(row?.["token"]),
    };
  }

  /** Rejects with RowMissed, with what `isLockMissed` knows, or because the answer was lost. */
  async change(change: RowChange): Promise<void> {
    const { bucket, seen, to, owner, more = () => [], waitMs } = change;
    const update = fill(
      `UPDATE dcs_bucket SET state = :state, epoch = :epoch, token = :token, owner = :owner
        WHERE bucket = :bucket AND state = :seenState AND epoch = :seenEpoch AND token = :seenToken`,
      { bucket, ...to, owner, seenState: seen.state, seenEpoch: seen.epoch, seenToken: seen.token },
    );
    const isShort = waitMs < LOCK_WAIT_MS;
    const bound = isShort && this.#dialect === "mariadb";
    const statements = [
      "BEGIN",
      bound ? `SET STATEMENT max_statement_time = ${waitMs / 1000} FOR ${update}` : update,
      "SET @dcs_hit = ROW_COUNT()",
      ...more("@dcs_hit = 1"),
      "COMMIT",
      "SELECT @dcs_hit AS hit",
    ];
    const killed = isShort && !bound ? await this.#killAfter(waitMs) : null;
    try {
      const results = await this.#connection.send(statements, this.#timeoutMs);
      if (Number(results.at(-1)?.[0]?.["hit"]) === 1) return;
    } catch (error) {
      await this.#recover(error);
      throw error;
    } finally {
      killed?.();
    }
    throw new RowMissed(
      `bucket ${bucket} is not ${seen.state}@${seen.epoch} with token ${seen.token} any more`,
    );
  }

  /** Other statements, for reading. */
  send(statements: readonly string[]): Promise<readonly MysqlResult[]> {
    return this.#connection.send(statements, this.#timeoutMs);
  }

  [Symbol.dispose](): void {
    this.#connection.destroy();
  }

  /** MySQL bounds reads only: there another session ends the statement. */
  async #killAfter(ms: number): Promise<() => void> {
    const [[row] = []] = await this.send(["SELECT CONNECTION_ID() AS id"]);
    const killer = await this.#open();
    const cancel = this.#clock.timer(ms, () => {
      killer.send([`KILL QUERY ${Number(row?.["id"])}`], this.#timeoutMs).catch(() => {});
    });
    return () => {
      cancel();
      killer.destroy();
    };
  }

  async #recover(error: unknown): Promise<void> {
    if (!isLockMissed(error)) return this.#connection.destroy();
    if (isMysqlError(error) && error.errno === 1317) {
      this.#connection.destroy();
      this.#connection = await setUp(await this.#open(), this.#timeoutMs);
    } else {
      await this.#connection.send(["ROLLBACK"], this.#timeoutMs);
    }
  }
}

async function setUp(connection: MysqlConnection, timeoutMs: number): Promise<MysqlConnection> {
  try {
    const seconds = LOCK_WAIT_MS / 1000;
    await connection.send([`SET wait_timeout = ${IDLE_S}, innodb_lock_wait_timeout = ${seconds}`], timeoutMs);
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}
