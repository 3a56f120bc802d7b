import { MysqlPool, type PooledConnection } from "../../mysql/mysql-pool.ts";
import type { MysqlTarget } from "../../mysql/mysql-url.ts";
import type { Clock } from "../../util/clock.ts";
import type { Shard } from "../keyspace.ts";
import { toShardError } from "../shard-error.ts";

export interface ShardServersOptions {
  /** Where a shard is, with `${VAR}` filled in. Throws a DcsError. */
  readonly target: (shard: Shard) => MysqlTarget;
  readonly clock: Clock;
  /** Bound of one conversation, ms. */
  readonly timeoutMs: number;
  /** Bound of a statement that counts or compares many rows, ms (60,000). */
  readonly stepMs?: number;
}

/** One server, as those who only look at it have it. */
export interface ShardServer {
  readonly shard: Shard;
  /** Does work on one session. Failures of the server are DcsErrors that name the shard: SHARD_UNREACHABLE and its kin. */
  use<T>(work: (session: PooledConnection) => Promise<T>, timeoutMs?: number): Promise<T>;
}

const STEP_MS = 60_000;

/** The servers of a keyspace, each connected to when it is first used. */
export class ShardServers implements AsyncDisposable {
  readonly stepMs: number;
  readonly options: ShardServersOptions;
  readonly #pools = new Map<string, Promise<MysqlPool>>();

  constructor(options: ShardServersOptions) {
    this.options = options;
    this.stepMs = Math.max(options.timeoutMs, options.stepMs ?? STEP_MS);
  }

  get(shard: Shard): ShardServer {
    return {
      shard,
      use: async (work, timeoutMs = this.options.timeoutMs) => {
        const { shown } = this.options.target(shard);
        try {
          const pool = await this.#pool(shard);
          return await pool.use(work, timeoutMs);
        } catch (error) {
          throw toShardError(error, { shard: shard.name, shown });
        }
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#pools.values());
    for (const pool of opened) if (pool.status === "fulfilled") await pool.value[Symbol.asyncDispose]();
  }

  #pool(shard: Shard): Promise<MysqlPool> {
    const known = this.#pools.get(shard.name);
    if (known !== undefined) return known;
    const { target, clock, timeoutMs } = this.options;
    const opening = (async () => MysqlPool.open(target(shard), { clock, timeoutMs, size: 2 }))();
    this.#pools.set(shard.name, opening);
    // One that could not be opened is tried again the next time.
    opening.catch(() => this.#pools.delete(shard.name));
    return opening;
  }
}
