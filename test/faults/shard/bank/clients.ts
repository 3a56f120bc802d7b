import { setTimeout as sleep } from "node:timers/promises";
import { isDcsError } from "../../../../src/core/errors.ts";
import { bindParams } from "../../../../src/core/mysql/bind-params.ts";
import { MysqlConnection } from "../../../../src/core/mysql/mysql-connection.ts";
import { isMysqlError } from "../../../../src/core/mysql/mysql-error.ts";
import type { MysqlTarget } from "../../../../src/core/mysql/mysql-url.ts";
import { MOVED_ERRNO } from "../../../../src/core/shard/names.ts";
import type { ShardRouter } from "../../../../src/core/shard/router/shard-router.ts";
import { systemClock } from "../../../../src/core/util/clock.ts";
import type { Fate } from "./book.ts";

/** A transaction's statements; each gives the number of rows that it met. */
export interface BankTx {
  run(sql: string, params: readonly (string | number)[]): Promise<number>;
  /** The same for a row that is there for certain. */
  hit(sql: string, params: readonly (string | number)[]): Promise<void>;
}

export interface BankClient {
  /** False for one that cannot tell a row that is not there from one that has gone elsewhere. */
  readonly knowsMisses: boolean;
  /** Runs a transaction of a tenant, and of others beside it. Rejects with LostRow, or with what must not happen. */
  transact(tenant: number, also: readonly number[], work: (tx: BankTx) => Promise<void>): Promise<Fate>;
  close(): Promise<void>;
}

/** A row that must be there was not. */
export class LostRow extends Error {}

/** Of a transaction that did nothing, for certain. */
const REFUSED = [
  "SHARD_BUCKET_CLOSED",
  "SHARD_CONTENDED",
  "SHARD_ROUTER_STALE",
  "SHARD_POOL_EXHAUSTED",
  "SHARD_UNREACHABLE",
  "SHARD_TRANSACTION_SLOW",
] as const;

export class RouterClient implements BankClient {
  readonly knowsMisses = true;
  readonly #router: ShardRouter;

  constructor(router: ShardRouter) {
    this.#router = router;
  }

  async transact(
    tenant: number,
    also: readonly number[],
    work: (tx: BankTx) => Promise<void>,
  ): Promise<Fate> {
    try {
      await this.#router.transaction(
        tenant,
        (tx) => work(bankTx(async (sql, params) => (await tx.query(sql, params)).affectedRows)),
        { also },
      );
      return "acknowledged";
    } catch (error) {
      if (isDcsError(error, "SHARD_OUTCOME_UNKNOWN")) return "unknown";
      if (isDcsError(error, "SHARD_KEYS_APART")) return "apart";
      if (isDcsError(error) && REFUSED.some((code) => code === error.code)) return "refused";
      throw error;
    }
  }

  async close(): Promise<void> {}
}

/** How a client without a router goes wrong on purpose. */
export type Broken =
  /** Writes as a mover does, past the fence. */
  | "fence"
  /** Takes a statement that met no row for done, and never looks elsewhere for it. */
  | "misses";

export interface RawOptions {
  readonly targets: readonly MysqlTarget[];
  /** The index of the target that has a tenant by the map that this client keeps for life. */
  readonly home: (tenant: number) => number;
  readonly broken?: { readonly how: Broken; readonly bucket: (tenant: number) => number };
}

/** A table is younger than the snapshot: that of a shard which was just added. */
const TABLE_CHANGED = 1412;
const GIVE_UP_MS = 10_000;
const TIMEOUT_MS = 10_000;

/**
 * An application that knows nothing of dcs but errno 31001: it begins where a map of long ago says, and asks the others one after
 * the other. Its transactions read by a snapshot from their beginning.
 */
export class RawClient implements BankClient {
  readonly knowsMisses = false;
  readonly #o: RawOptions;
  readonly #connections = new Map<number, MysqlConnection>();

  constructor(options: RawOptions) {
    this.#o = options;
  }

  async transact(
    tenant: number,
    also: readonly number[],
    work: (tx: BankTx) => Promise<void>,
  ): Promise<Fate> {
    const { targets, home, broken } = this.#o;
    const end = performance.now() + GIVE_UP_MS;
    for (let at = home(tenant), asked = 1; performance.now() < end; ) {
      const tried = await this.#once(at, tenant, work);
      if (tried === "acknowledged" || tried === "unknown") return tried;
      if (tried === "again") {
        await sleep(5 + Math.random() * 20);
        continue;
      }
      // By its map there is nobody else to ask.
      if (broken !== undefined) return "refused";
      // Two keys may be apart for long.
      if (also.length > 0 && asked > 2 * targets.length) return "apart";
      if (asked++ % targets.length === 0) await sleep(20);
      at = (at + 1) % targets.length;
    }
    return "refused";
  }

  async close(): Promise<void> {
    for (const connection of this.#connections.values()) connection.end();
  }

  async #once(
    at: number,
    tenant: number,
    work: (tx: BankTx) => Promise<void>,
  ): Promise<"acknowledged" | "unknown" | "elsewhere" | "again"> {
    const { broken } = this.#o;
    let isCommitting = false;
    let connection: MysqlConnection | null = null;
    try {
      const own = await this.#connectionTo(at);
      connection = own;
      if (broken?.how === "fence") await own.send([`SET @dcs_bucket = ${broken.bucket(tenant)}`], TIMEOUT_MS);
      await own.send(["START TRANSACTION WITH CONSISTENT SNAPSHOT"], TIMEOUT_MS);
      const run = async (sql: string, params: readonly (string | number)[]) =>
        (await own.query(bindParams(sql, params), TIMEOUT_MS)).affectedRows;
      await work(
        broken === undefined ? bankTx(run) : { run, hit: async (...all) => void (await run(...all)) },
      );
      isCommitting = true;
      await own.send(["COMMIT"], TIMEOUT_MS);
      return "acknowledged";
    } catch (error) {
      if (!(error instanceof LostRow) && !isMysqlError(error)) throw error;
      const failure = error instanceof LostRow ? null : error.failure;
      const isOver = failure === "lost" || failure === "unreachable";
      if (isOver) this.#connections.delete(at);
      else await connection?.send(["ROLLBACK"], TIMEOUT_MS).catch(() => this.#connections.delete(at));
      if (isCommitting) return "unknown";
      if (isOver || failure === "conflict") return "again";
      if (isMysqlError(error) && error.errno === TABLE_CHANGED) return "again";
      if (broken !== undefined) return "elsewhere";
      // A shard that was not there when this client was written has no tables before it is added.
      if (error instanceof LostRow) return "elsewhere";
      if (failure === "no-table" || error.errno === MOVED_ERRNO) return "elsewhere";
      throw error;
    }
  }

  async #connectionTo(at: number): Promise<MysqlConnection> {
    const found = this.#connections.get(at);
    if (found?.isUsable) return found;
    found?.end();
    const target = this.#o.targets[at];
    if (target === undefined) throw new Error(`no shard ${at}`);
    const connection = await MysqlConnection.open(target, systemClock, TIMEOUT_MS);
    await connection.send(["SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"], TIMEOUT_MS);
    this.#connections.set(at, connection);
    return connection;
  }
}

function bankTx(run: BankTx["run"]): BankTx {
  return {
    run,
    async hit(sql, params) {
      if ((await run(sql, params)) === 0) throw new LostRow(`${sql} met no row: ${params.join(", ")}`);
    },
  };
}
