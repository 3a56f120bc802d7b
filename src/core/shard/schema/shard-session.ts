import { DcsError } from "../../errors.ts";
import { MysqlConnection, type MysqlResult } from "../../mysql/mysql-connection.ts";
import type { Clock } from "../../util/clock.ts";
import type { Shard } from "../keyspace.ts";
import { toShardError } from "../shard-error.ts";
import { shardTarget } from "../shard-url.ts";
import type { SchemaSession } from "./server-info.ts";

/** A change of a table takes as long as it takes, ms. */
const LONG_MS = 24 * 60 * 60 * 1000;
/** What changes tables, or many rows. */
const LONG = /^\s*(?:ALTER|CREATE|DROP|INSERT|UPDATE)\b/i;
/** Idle while other servers are changed, seconds. */
const IDLE_S = 8 * 60 * 60;
/** Of all databases of a server, since names of locks are the server's. */
const LOCK = "CONCAT('dcs.shard.', LEFT(SHA1(DATABASE()), 32))";

export interface ShardSessionDeps {
  readonly clock: Clock;
  /** Bound of each conversation but changes of tables, ms. */
  readonly timeoutMs: number;
  /** For `${NAME}` in URLs. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

type ShardName = Pick<Shard, "name" | "url">;

/** One session of a shard's server, for changes of its tables. Failures of the server are DcsErrors that name the shard. */
export class ShardSession implements Disposable {
  readonly shard: string;
  /** Its URL without the password. */
  readonly shown: string;
  readonly #connection: MysqlConnection;
  readonly #deps: ShardSessionDeps;
  readonly #onAbort = () => this.#connection.destroy();

  static async open(shard: ShardName, deps: ShardSessionDeps): Promise<ShardSession> {
    const target = shardTarget(shard, deps.env);
    deps.signal.throwIfAborted();
    try {
      const options = { waitTimeoutS: IDLE_S };
      const connection = await MysqlConnection.open(target, deps.clock, deps.timeoutMs, options);
      return new ShardSession(shard.name, target.shown, connection, deps);
    } catch (error) {
      throw toShardError(error, { shard: shard.name, shown: target.shown });
    }
  }

  private constructor(shard: string, shown: string, connection: MysqlConnection, deps: ShardSessionDeps) {
    this.shard = shard;
    this.shown = shown;
    this.#connection = connection;
    this.#deps = deps;
    deps.signal.addEventListener("abort", this.#onAbort);
  }

  /** Does work on the session. */
  async run<T>(work: (session: SchemaSession) => Promise<T>): Promise<T> {
    try {
      return await work({ send: (statements) => this.#send(statements) });
    } catch (error) {
      this.#deps.signal.throwIfAborted();
      throw toShardError(error, this);
    }
  }

  /** Keeps every other change of dcs's tables out until the session ends. SHARD_BUSY. */
  async lock(): Promise<void> {
    const [[row] = []] = await this.run((session) => session.send([`SELECT GET_LOCK(${LOCK}, 1) AS got`]));
    if (row?.["got"] === 1) return;
    throw new DcsError(
      "SHARD_BUSY",
      `another dcs changes the tables of shard ${this.shard} (${this.shown})`,
      {
        hint: "wait for it, then run it again",
        details: { shard: this.shard },
      },
    );
  }

  /** SHARD_UNREACHABLE unless the lock is still ours. */
  async assertLocked(): Promise<void> {
    const [[row] = []] = await this.run((session) =>
      session.send([`SELECT IS_USED_LOCK(${LOCK}) = CONNECTION_ID() AS mine`]),
    );
    if (row?.["mine"] === 1) return;
    throw new DcsError("SHARD_UNREACHABLE", `shard ${this.shard} (${this.shown}) ended our lock`, {
      details: { shard: this.shard },
    });
  }

  [Symbol.dispose](): void {
    this.#deps.signal.removeEventListener("abort", this.#onAbort);
    this.#connection.end();
  }

  #send(statements: readonly string[]): Promise<readonly MysqlResult[]> {
    const isLong = statements.some((statement) => LONG.test(statement));
    return this.#connection.send(statements, isLong ? LONG_MS : this.#deps.timeoutMs);
  }
}
