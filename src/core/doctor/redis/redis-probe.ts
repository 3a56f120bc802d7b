import type { Redis } from "ioredis";
import { DcsError } from "../../errors.ts";
import { toRedisError } from "../../lock/redis/redis-errors.ts";
import type { RedisAddress } from "../../lock/redis/redis-url.ts";
import { systemClock } from "../../util/clock.ts";
import { within } from "../../util/within.ts";

/** A connection that asks a Redis server about itself; every question is bounded by the timeout. */
export class RedisProbe implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #address: RedisAddress;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal;

  /** Connects and logs in. STORE_UNREACHABLE, PERMISSION_DENIED. */
  static async open(address: RedisAddress, timeoutMs: number, signal: AbortSignal): Promise<RedisProbe> {
    const { Redis: Client } = await import("ioredis");
    const client = new Client({
      host: address.host,
      port: address.port,
      db: address.database,
      ...(address.username === null ? {} : { username: address.username }),
      ...(address.password === null ? {} : { password: address.password }),
      ...(address.tls ? { tls: { servername: address.host } } : {}),
      lazyConnect: true,
      enableOfflineQueue: false,
      // Would ask INFO, which a careful ACL may not allow.
      enableReadyCheck: false,
      maxRetriesPerRequest: 0,
      connectTimeout: timeoutMs,
      retryStrategy: () => null,
      connectionName: "dcs-doctor",
    });
    const probe = new RedisProbe(client, address, timeoutMs, signal);
    // What the socket or the server said; `connect` itself only says that the connection is closed.
    const said = Promise.withResolvers<never>();
    client.on("error", (error: Error) => said.reject(error));
    said.promise.catch(() => {});
    try {
      await probe.#bounded(() => Promise.race([client.connect(), said.promise]));
      return probe;
    } catch (error) {
      client.disconnect();
      throw error;
    }
  }

  private constructor(redis: Redis, address: RedisAddress, timeoutMs: number, signal: AbortSignal) {
    this.#redis = redis;
    this.#address = address;
    this.#timeoutMs = timeoutMs;
    this.#signal = signal;
  }

  /** Makes sure that the server talks to this user at all. STORE_UNREACHABLE, PERMISSION_DENIED. */
  async hello(): Promise<void> {
    try {
      await this.call("PING");
    } catch (error) {
      // A user who may not PING may still lock.
      if (error instanceof Error && error.message.startsWith("NOPERM")) return;
      this.#redis.disconnect();
      throw toRedisError(error, this.#address.shown);
    }
  }

  /** One command. Rejects with the server's own Error, or with STORE_UNREACHABLE when no answer came in time. */
  async call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    return this.#within(() => this.#redis.call(command, ...args));
  }

  /** The answer, or null when the server refuses the command: it is forbidden, renamed or not known. */
  async ask(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.call(command, ...args);
    } catch (error) {
      if (error instanceof DcsError || !(error instanceof Error) || error.name !== "ReplyError") throw error;
      return null;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis.disconnect();
  }

  async #bounded<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#within(call);
    } catch (error) {
      if (this.#signal.aborted) throw this.#signal.reason;
      throw toRedisError(error, this.#address.shown);
    }
  }

  async #within<T>(call: () => Promise<T>): Promise<T> {
    const answer = await within(systemClock, this.#timeoutMs, this.#signal, (signal) => {
      const ended = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => ended.reject(signal.reason), { once: true });
      ended.promise.catch(() => {});
      return Promise.race([call().then((value) => ({ value })), ended.promise]);
    });
    if (answer !== null) return answer.value;
    throw new DcsError(
      "STORE_UNREACHABLE",
      `Redis at ${this.#address.shown} did not answer within ${Math.round(this.#timeoutMs)} ms`,
      { details: { url: this.#address.shown, timeoutMs: this.#timeoutMs } },
    );
  }
}
