import { DcsError, toDcsError } from "../../../errors.ts";
import { isReplyError, RedisConnection, type SendOptions } from "../../../redis/redis-connection.ts";
import { toRedisError } from "../../../redis/redis-errors.ts";
import type { RedisAddress } from "../../../redis/redis-url.ts";
import { type BackoffPolicy, backoffDelay } from "../../../util/backoff.ts";
import { type Clock, sleep } from "../../../util/clock.ts";
import type { RedisLockKeys } from "../redis-keys.ts";
import { youthLeft } from "./quorum-rule.ts";
import { type QuorumScript, SCRIPTS } from "./scripts.ts";

const RECONNECT: BackoffPolicy = { initialMs: 50, factor: 2, maxMs: 1000 };
/** A node that has not answered for this long is not waited for while a majority has. */
const SLOW_MS = 100;
/** More is not remembered of a node that is away; what it was not told ends by its TTL. */
const MAX_OWED = 10_000;

export interface QuorumNodeOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** How long the node does not count after a restart, ms; null when it always counts. */
  readonly youthMs: number | null;
}

type Listener = (message: string) => void;

interface Owed {
  readonly keys: readonly string[];
  /** CLOCK_MONOTONIC ms when the key has ended by itself. */
  readonly until: number;
}

/**
 * One server of a quorum. Its connection is never taken up again by the client library: each new one first asks when the
 * server started, so that no answer of a server that forgot its locks passes for one of the server before.
 */
export class QuorumNode {
  readonly address: RedisAddress;
  /** `host:port`, for people. */
  readonly name: string;
  readonly #options: QuorumNodeOptions;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #unlisten = new Map<Listener, () => void>();
  /** Releases that did not reach it. */
  readonly #owed = new Map<string, Owed>();
  readonly #closing = new AbortController();
  #connection: RedisConnection<QuorumScript> | null = null;
  #failure: DcsError | null = null;
  #attempt = Promise.withResolvers<void>();
  #runId: string | null = null;
  #youngUntil = Number.NEGATIVE_INFINITY;
  #pending = 0;
  /** When it last answered, or was first asked since. */
  #since = 0;

  constructor(address: RedisAddress, options: QuorumNodeOptions) {
    this.address = address;
    this.name = `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
    this.#options = options;
    void this.#open();
  }

  get connected(): boolean {
    return this.#connection !== null;
  }

  /** Why it is not connected; null when it is, or nothing is known yet. */
  get failure(): DcsError | null {
    return this.#failure;
  }

  /** Resolves when the attempt to connect that goes on now, or the next one, has ended well or badly. */
  get attempt(): Promise<void> {
    return this.#attempt.promise;
  }

  /** CLOCK_MONOTONIC ms from which its word counts: before, it may have forgotten a hold. */
  get youngUntil(): number {
    return this.#youngUntil;
  }

  /** True when it is not waited for while a majority has answered. */
  slow(now: number): boolean {
    return this.#connection === null || (this.#pending > 0 && now - this.#since > SLOW_MS);
  }

  /**
   * Runs a script on the connection that is there; rejects with the client library's error, or why there is none. The options
   * are those of `RedisConnection.send`.
   */
  send(
    script: QuorumScript,
    keys: readonly string[],
    args: readonly (string | number)[],
    now: number,
    options: SendOptions = {},
  ): Promise<unknown> {
    const connection = this.#connection;
    if (connection === null) return Promise.reject(this.#failure ?? new Error("not connected"));
    if (this.#pending++ === 0) this.#since = now;
    // It swallows requests, the deletion of what it may have set among them: a new connection may fare better.
    else if (now - this.#since > 2 * this.#options.timeoutMs) void connection.close();
    return connection.send(script, keys, args, options).finally(() => {
      if (this.#pending > 0) this.#pending--;
      this.#since = this.#options.clock.monotonic();
    });
  }

  /** Deletes the token's key as soon as the node can be reached, unless it has ended by itself before. */
  owe(keys: RedisLockKeys, token: string, until: number): void {
    const now = this.#options.clock.monotonic();
    if (until <= now) return;
    for (const [other, owed] of this.#owed) {
      if (owed.until > now && this.#owed.size < MAX_OWED) break;
      this.#owed.delete(other);
    }
    this.#owed.set(token, { keys: [keys.lock, keys.queue, keys.places, keys.wake], until });
  }

  /** Calls `listener` for each message, also after reconnecting, until the returned function is called. */
  subscribe(
    channel: string,
    listener: Listener,
  ): { readonly done: Promise<void>; readonly stop: () => void } {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    const done =
      this.#connection === null ? Promise.resolve() : this.#listen(this.#connection, channel, listener);
    return {
      done,
      stop: () => {
        listeners.delete(listener);
        if (listeners.size === 0) this.#listeners.delete(channel);
        this.#unlisten.get(listener)?.();
        this.#unlisten.delete(listener);
      },
    };
  }

  /** All keys that match a pattern; null when it cannot be asked. */
  async keys(pattern: string): Promise<readonly string[] | null> {
    return (await this.#connection?.keys(pattern).catch(() => null)) ?? null;
  }

  async close(): Promise<void> {
    this.#closing.abort(new DcsError("STORE_UNREACHABLE", `the connection to ${this.name} was closed`));
    await this.#connection?.close();
  }

  async #open(): Promise<void> {
    const { signal } = this.#closing;
    const { clock, timeoutMs } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt++) {
      if (attempt > 0) await sleep(clock, backoffDelay(RECONNECT, attempt - 1), signal).catch(() => {});
      try {
        const connection = await RedisConnection.open(
          { kind: "single", address: this.address, servers: [this.address], shown: this.address.shown },
          { clock, timeoutMs, signal, scripts: SCRIPTS, reconnect: false },
        );
        await this.#greet(connection).catch(async (error: unknown) => {
          await connection.close();
          throw error;
        });
        if (signal.aborted) await connection.close();
        return;
      } catch (error) {
        this.#failure = toDcsError(error);
        this.#ended();
      }
    }
    this.#ended();
  }

  /** Before anything is asked of it: is it the server that we knew, and may it have forgotten something? */
  async #greet(connection: RedisConnection<QuorumScript>): Promise<void> {
    const { clock, youthMs } = this.#options;
    if (youthMs !== null) {
      const { runId, uptimeMs } = await startOf(connection, this.name);
      const left = youthLeft(youthMs, uptimeMs, this.#runId !== null && this.#runId !== runId);
      // The same server again: what was found before holds.
      if (runId !== this.#runId)
        this.#youngUntil = left === 0 ? Number.NEGATIVE_INFINITY : clock.monotonic() + left;
      this.#runId = runId;
    }
    this.#connection = connection;
    this.#failure = null;
    this.#pending = 0;
    connection.onBroken(() => {
      if (this.#connection !== connection) return;
      this.#connection = null;
      this.#failure = new DcsError(
        "STORE_UNREACHABLE",
        `the connection to Redis at ${this.address.shown} broke`,
      );
      void this.#open();
    });
    this.#ended();
    for (const [token, { keys, until }] of this.#owed) {
      if (until > clock.monotonic())
        connection.send("release", keys, [token, "leave"]).then(
          () => this.#owed.delete(token),
          () => {},
        );
      else this.#owed.delete(token);
    }
    for (const [channel, listeners] of this.#listeners)
      for (const listener of listeners) void this.#listen(connection, channel, listener);
  }

  #ended(): void {
    const { resolve } = this.#attempt;
    this.#attempt = Promise.withResolvers();
    resolve();
  }

  async #listen(
    connection: RedisConnection<QuorumScript>,
    channel: string,
    listener: Listener,
  ): Promise<void> {
    try {
      const stop = await connection.subscribe(channel, listener);
      if (this.#listeners.get(channel)?.has(listener)) this.#unlisten.set(listener, stop);
      else stop();
    } catch {
      // Who waits has a timer as well.
    }
  }
}

/** Since when the server runs. PERMISSION_DENIED when it does not say. */
async function startOf(
  connection: RedisConnection<QuorumScript>,
  name: string,
): Promise<{ readonly runId: string; readonly uptimeMs: number }> {
  let info: unknown;
  try {
    info = await connection.call("INFO", "server");
  } catch (error) {
    if (!isReplyError(error) || !/^(NOPERM|ERR unknown command)/.test(error.message))
      throw toRedisError(error, connection.url);
    throw new DcsError("PERMISSION_DENIED", `Redis at ${name} does not allow INFO: ${error.message}`, {
      cause: error,
      details: { url: connection.url },
      hint: "allow it (ACL SETUSER … +info): a quorum must know when each server started; or add ?young=count to the URL",
    });
  }
  const field = (key: string) => new RegExp(`^${key}:(.*?)\r?$`, "m").exec(String(info))?.[1] ?? "";
  return { runId: field("run_id"), uptimeMs: Number(field("uptime_in_seconds")) * 1000 };
}
