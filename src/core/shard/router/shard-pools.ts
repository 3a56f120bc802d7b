import { DcsError } from "../../errors.ts";
import { isMysqlError } from "../../mysql/mysql-error.ts";
import { MysqlPool } from "../../mysql/mysql-pool.ts";
import { parseMysqlUrl } from "../../mysql/mysql-url.ts";
import type { Clock } from "../../util/clock.ts";
import { redact } from "../../util/redact.ts";
import type { Keyspace, Shard } from "../keyspace.ts";
import { checkRecord, readRecord } from "../schema/schema-state.ts";
import type { ShardPlace } from "../shard-error.ts";
import { shardUrl } from "../shard-url.ts";
import type { RouterShards } from "./router-shards.ts";

export interface ShardPoolsOptions {
  readonly shards: RouterShards;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Sessions to each shard, at most. */
  readonly size: number;
  readonly timeoutMs: number;
}

interface OpenPool {
  readonly url: string;
  readonly pool: Promise<MysqlPool>;
}

/** The sessions to each shard, opened when the first is wanted. */
export class ShardPools implements AsyncDisposable {
  readonly keyspace: Keyspace;
  readonly #o: ShardPoolsOptions;
  readonly #open = new Map<string, OpenPool>();
  #shards: readonly Shard[];

  /** Reads where the shards are. Rejects with the store's failure, SHARD_KEYSPACE_UNKNOWN. */
  static async of(options: ShardPoolsOptions): Promise<ShardPools> {
    const { keyspace, shards } = await options.shards.keyspace();
    return new ShardPools(options, keyspace, shards);
  }

  private constructor(options: ShardPoolsOptions, keyspace: Keyspace, shards: readonly Shard[]) {
    this.#o = options;
    this.keyspace = keyspace;
    this.#shards = shards;
  }

  /** SHARD_UNKNOWN, SHARD_SCHEMA_MISSING or SHARD_SCHEMA_MISMATCH when another database is there, or a MysqlError. */
  async to(name: string): Promise<MysqlPool> {
    const shard = this.#find(name) ?? (await this.#lookAgain(name));
    const url = shardUrl(shard, this.#o.env);
    const former = this.#open.get(name);
    if (former?.url === url) return await former.pool;
    const opened = { url, pool: this.#connect(shard, url) };
    this.#open.set(name, opened);
    if (former !== undefined) void close(former);
    try {
      return await opened.pool;
    } catch (error) {
      if (this.#open.get(name) === opened) this.#open.delete(name);
      // The shard may have been given another place meanwhile.
      if (isMysqlError(error, "unreachable")) await this.#lookAgain(name).catch(() => {});
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map(close));
  }

  /** How errors name it: without the password. */
  placeOf(name: string): ShardPlace {
    return { shard: name, shown: redact(this.#find(name)?.url ?? "") };
  }

  #find(name: string): Shard | undefined {
    return this.#shards.find((shard) => shard.name === name);
  }

  async #lookAgain(name: string): Promise<Shard> {
    this.#shards = (await this.#o.shards.keyspace()).shards;
    const shard = this.#find(name);
    if (shard !== undefined) return shard;
    throw new DcsError("SHARD_UNKNOWN", `keyspace ${this.keyspace.name} has no shard ${name}`, {
      details: { shard: name, shards: this.#shards.map((each) => each.name) },
    });
  }

  async #connect(shard: Shard, url: string): Promise<MysqlPool> {
    const { clock, size, timeoutMs } = this.#o;
    const pool = await MysqlPool.open(parseMysqlUrl(url), { clock, timeoutMs, size, isForeign: true });
    try {
      await this.#checkPlace(shard, pool);
      return pool;
    } catch (error) {
      await pool[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A URL may lead to another database than the one that it was meant for, whose triggers count by another number. */
  async #checkPlace({ name }: Shard, pool: MysqlPool): Promise<void> {
    const record = await readRecord(pool);
    // Which tables there are may have changed since we read the keyspace, and is nothing to us.
    checkRecord(record, { ...this.keyspace, tables: record?.tables ?? [] }, name);
  }
}

async function close({ pool }: OpenPool): Promise<void> {
  try {
    await (await pool)[Symbol.asyncDispose]();
  } catch {
    // It was never open.
  }
}
