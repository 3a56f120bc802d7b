import { MysqlConnection } from "../../mysql/mysql-connection.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import { type MysqlTarget, parseMysqlUrl } from "../../mysql/mysql-url.ts";
import { type Clock, systemClock } from "../../util/clock.ts";
import { redact } from "../../util/redact.ts";
import { unlessAborted } from "../../util/unless-aborted.ts";
import type { Call, Driver, DriverShare } from "./driver.ts";
import { failureKind, sayFailure } from "./failure-kind.ts";
import { type Failure, type Lane, Lanes } from "./lanes.ts";
import { numbering } from "./request-numbers.ts";
import { sizeOf } from "./size-of.ts";
import { parseSqlOperation } from "./sql-operation.ts";
import {
  asTargetError,
  CONNECT_TIMEOUT_MS,
  targetDenied,
  targetUnfit,
  targetUnreachable,
} from "./target-error.ts";

export interface MysqlDriverOptions {
  readonly url: string;
  /** See parseSqlOperation; null for its default. */
  readonly operation: string | null;
  readonly share: DriverShare;
  readonly workers: number;
}

/** The server ends what says nothing for so long; at a slow rate sessions are idle for a while. */
const WAIT_TIMEOUT_S = 3600;
/** The benchmark has a limit of its own for each request, which is shorter; a session is closed then. */
const NO_LIMIT_MS = 2 ** 31 - 1;
/** The limit above must not keep a process whose sessions are closed. */
const clock: Clock = {
  ...systemClock,
  timer(ms, fn) {
    const timer = setTimeout(fn, ms).unref();
    return () => clearTimeout(timer);
  },
};

/**
 * One statement of MySQL or MariaDB, one at a time on each session, as text (no prepared statements). Sessions are in autocommit, UTC,
 * strict mode and READ COMMITTED, whatever the server's own settings are.
 */
export class MysqlDriver implements Driver {
  readonly #lanes: Lanes;

  /** Logs in. USAGE for the operation, URL_INVALID, BENCH_UNREACHABLE, PERMISSION_DENIED. */
  static async open({ url, operation, share, workers }: MysqlDriverOptions): Promise<MysqlDriver> {
    const statement = parseSqlOperation(operation);
    const target = targetOf(url);
    const numbers = numbering({ worker: share.worker, workers });
    const lanes = new Lanes({
      connections: share.connections,
      open: (signal) => MysqlLane.open(target, () => statement(numbers()), signal),
      failure: mysqlFailure,
    });
    try {
      await lanes.prepare();
    } catch (error) {
      throw openError(error, target.shown);
    }
    return new MysqlDriver(lanes);
  }

  private constructor(lanes: Lanes) {
    this.#lanes = lanes;
  }

  send(call: Call): void {
    this.#lanes.send(call);
  }

  close(): Promise<void> {
    return this.#lanes.close();
  }
}

class MysqlLane implements Lane {
  readonly #connection: MysqlConnection;
  readonly #statement: () => string;
  #isBusy = false;

  static async open(target: MysqlTarget, statement: () => string, signal: AbortSignal): Promise<MysqlLane> {
    const options = { isForeign: true, waitTimeoutS: WAIT_TIMEOUT_S };
    const opening = MysqlConnection.open(target, clock, CONNECT_TIMEOUT_MS, options);
    try {
      return new MysqlLane(await unlessAborted(opening, signal), statement);
    } catch (error) {
      // One that is wanted no more may still come.
      if (signal.aborted) opening.then((connection) => connection.destroy()).catch(() => {});
      throw error;
    }
  }

  private constructor(connection: MysqlConnection, statement: () => string) {
    this.#connection = connection;
    this.#statement = statement;
  }

  get isOpen(): boolean {
    return this.#connection.isUsable;
  }

  send(done: (error: unknown, bytes: number) => void): void {
    this.#isBusy = true;
    this.#connection.query(this.#statement(), NO_LIMIT_MS).then(
      ({ rows }) => {
        this.#isBusy = false;
        done(null, sizeOf(rows));
      },
      (error: unknown) => {
        this.#isBusy = false;
        done(error, 0);
      },
    );
  }

  async close(): Promise<void> {
    // Who takes leave is not counted by the server as a client that was lost.
    if (this.#isBusy || !this.isOpen) this.#connection.destroy();
    else this.#connection.end();
  }
}

function targetOf(url: string): MysqlTarget {
  try {
    return parseMysqlUrl(url);
  } catch (error) {
    throw asTargetError(error, redact(url));
  }
}

/** The server's errors by their number, which is what its manual is sorted by; others by what the system says. */
function mysqlFailure(error: unknown): Failure {
  const example = sayFailure(error);
  if (!isMysqlError(error)) return { kind: failureKind(error), example };
  if (error.errno !== null) return { kind: `error ${error.errno}`, example };
  const code = /\bE[A-Z]{4,}\b/.exec(error.message)?.[0];
  return { kind: code ?? (error.failure === "lost" ? "closed" : "no connection"), example };
}

function openError(error: unknown, shown: string): unknown {
  if (!isMysqlError(error)) return error;
  const options = { cause: error };
  switch (error.failure) {
    case "auth":
      return targetDenied(shown, error.message, options);
    case "no-database":
      return targetUnfit(shown, "names a database that is not there", { ...options, hint: "SHOW DATABASES" });
    default:
      return targetUnreachable(shown, error.message, options);
  }
}
