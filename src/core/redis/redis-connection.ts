import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { DcsError } from "../errors.ts";
import { type BackoffPolicy, backoffDelay } from "../util/backoff.ts";
import { type Clock, sleep } from "../util/clock.ts";
import { connectClient, isReplyError, newClient, notRun, type RedisClient } from "./redis-client.ts";
import { toRedisError } from "./redis-errors.ts";
import { RedisMessages } from "./redis-messages.ts";
import { parseRedisTarget, type RedisTarget } from "./redis-url.ts";

export { isReplyError } from "./redis-client.ts";

const CALLS_A_WRITE = 4;
/** A failover takes a while; what was not run is sent again until the call's own time is over. */
const FAILOVER: BackoffPolicy = { initialMs: 20, factor: 2, maxMs: 300 };

export interface RedisConnectionOptions<Script extends string> {
  readonly clock: Clock;
  /** How long a call may take, connecting as well. */
  readonly timeoutMs: number;
  /** The Lua texts that `run` knows, by name. */
  readonly scripts: Readonly<Record<Script, string>>;
  /** Ends the wait for every answer, with its reason. */
  readonly signal?: AbortSignal;
  /** False: once broken it stays broken, and `broken` says so. One server only. */
  readonly reconnect?: boolean;
}

export interface SendOptions {
  /** Sends the script's text: see `runWhole`. */
  readonly whole?: boolean;
  /**
   * Where the server did not know the script, its text is sent only if this holds: a caller that has gone on meanwhile has given
   * back what it may have got, and that would come first.
   */
  readonly isWanted?: () => boolean;
}

/**
 * The one place that knows ioredis. Its defaults are not fit for locks: a call that timed out stays in the offline queue
 * and runs later, a lost reply is sent again, and a call can stay unsettled for ever after a reconnect. So: no offline
 * queue, no resending, and a timeout of our own on every call.
 */
export class RedisConnection<Script extends string = never> {
  readonly url: string;
  readonly #redis: RedisClient;
  /** True where another server may take over from the one that is asked. */
  readonly #failsOver: boolean;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #scripts: Readonly<Record<Script, string>>;
  readonly #digests: ReadonlyMap<string, string>;
  readonly #signal: AbortSignal | undefined;
  readonly #messages: RedisMessages;
  #sharing = 0;

  /** Connects, and answers STORE_UNREACHABLE or PERMISSION_DENIED when that fails; a quorum is no one connection. */
  static async open<Script extends string>(
    where: string | RedisTarget,
    options: RedisConnectionOptions<Script>,
  ): Promise<RedisConnection<Script>> {
    const { timeoutMs, clock, reconnect = true } = options;
    const target = typeof where === "string" ? parseRedisTarget(where) : where;
    if (target.kind === "quorum") throw new DcsError("UNEXPECTED", "a quorum is not one connection");
    const client = await newClient(target, { timeoutMs, reconnect });
    client.on("error", () => {});
    const connection = new RedisConnection(client, target, options);
    const opened = new AbortController();
    try {
      await connection.#within(timeoutMs, () => connectClient(client, clock, opened.signal));
    } catch (error) {
      client.disconnect();
      throw error;
    } finally {
      opened.abort();
    }
    return connection;
  }

  private constructor(redis: RedisClient, target: RedisTarget, options: RedisConnectionOptions<Script>) {
    this.#redis = redis;
    this.url = target.shown;
    this.#failsOver = target.kind !== "single";
    this.#timeoutMs = options.timeoutMs;
    this.#clock = options.clock;
    this.#scripts = options.scripts;
    this.#digests = new Map(
      Object.entries<string>(options.scripts).map(([name, text]) => [name, sha1(text)]),
    );
    this.#signal = options.signal;
    this.#messages = new RedisMessages(redis, {
      within: (call) => this.#within(this.#timeoutMs, call),
      reconnects: options.reconnect ?? true,
    });
    // Nobody closes what is broken for good: its connection for messages would stay, and keep the process.
    if (options.reconnect === false) redis.once("end", () => void this.#messages.close());
  }

  /** Runs a script; STORE_UNREACHABLE and its kin without an answer in time. Later its text is sent only if it `givesBack`. */
  run(
    name: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    timeoutMs = this.#timeoutMs,
    givesBack = false,
  ): Promise<unknown> {
    const end = this.#clock.monotonic() + timeoutMs;
    const caller = { waits: true };
    const options = givesBack ? {} : { isWanted: () => caller.waits };
    const call = async () => {
      for (let attempt = 0; ; attempt++) {
        try {
          return await this.send(name, keys, args, options);
        } catch (error) {
          const late = this.#clock.monotonic() >= end;
          if (late || !this.#failsOver || !notRun(error)) throw error;
          await sleep(this.#clock, backoffDelay(FAILOVER, attempt), this.#signal);
        }
      }
    };
    return this.#within(timeoutMs, call, caller);
  }

  /** Runs a script without a limit of time; rejects with the error of the client library. */
  async send(
    name: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    { whole = false, isWanted }: SendOptions = {},
  ): Promise<unknown> {
    this.#shareWrites();
    if (whole) return await this.#redis.eval(this.#scripts[name], keys.length, ...keys, ...args);
    try {
      return await this.#redis.evalsha(this.#digests.get(name) ?? "", keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
      // The first time on this server, or after it restarted: nothing was run.
      if (isWanted?.() === false) {
        this.#teach(name);
        throw error;
      }
      return await this.#redis.eval(this.#scripts[name], keys.length, ...keys, ...args);
    }
  }

  /** Lets the server know the script next time: one that is always the last to answer would never be told it otherwise. */
  #teach(name: Script): void {
    if ("stream" in this.#redis) this.#redis.script("LOAD", this.#scripts[name]).catch(() => {});
  }

  /** The server that is asked now; null where there are several, or none. */
  get peer(): { readonly host: string; readonly port: number } | null {
    const stream = "stream" in this.#redis ? this.#redis.stream : null;
    if (stream === null || !("remoteAddress" in stream)) return null;
    const { remoteAddress, remotePort } = stream;
    return typeof remoteAddress === "string" && typeof remotePort === "number"
      ? { host: remoteAddress, port: remotePort }
      : null;
  }

  /** Where the masters of a Cluster are. */
  get masters(): readonly { readonly host: string; readonly port: number }[] {
    if (!("nodes" in this.#redis)) return [];
    return this.#redis
      .nodes("master")
      .flatMap(({ options: { host, port } }) =>
        host === undefined || port === undefined ? [] : [{ host, port }],
      );
  }

  /** Calls `listener` once when the connection is lost for good, and at once when it was before. */
  onBroken(listener: () => void): void {
    if (this.#redis.status === "end") listener();
    else this.#redis.once("end", listener);
  }

  /**
   * Runs a script by its text: where the answers are lost, one that says that the script is not known would be lost too.
   * Otherwise as `run`.
   */
  runWhole(
    name: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
    timeoutMs: number,
  ): Promise<unknown> {
    return this.#within(timeoutMs, () =>
      this.#redis.eval(this.#scripts[name], keys.length, ...keys, ...args),
    );
  }

  /**
   * One command as it is. Rejects with the server's own `ReplyError` where it refuses, else with STORE_UNREACHABLE and its
   * kin.
   */
  async call(command: string, ...args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#within(this.#timeoutMs, () => this.#redis.call(command, ...args));
    } catch (error) {
      throw error instanceof DcsError && isReplyError(error.cause) ? error.cause : error;
    }
  }

  /** All keys that match a glob pattern, of all masters of a Cluster. */
  async keys(pattern: string): Promise<readonly string[]> {
    const found = new Set<string>();
    const masters = "nodes" in this.#redis ? this.#redis.nodes("master") : [this.#redis];
    await Promise.all(masters.map((master) => this.#keysOf(master, pattern, found)));
    return [...found];
  }

  async #keysOf(server: Redis, pattern: string, found: Set<string>): Promise<void> {
    let cursor = "0";
    do {
      const from = cursor;
      const [next, keys] = await this.#within(this.#timeoutMs, () =>
        server.scan(from, "MATCH", pattern, "COUNT", 500),
      );
      for (const key of keys) found.add(key);
      cursor = next;
    } while (cursor !== "0");
  }

  /** Calls `listener` for each message of the channel, until the returned function is called. Resolves once subscribed. */
  subscribe(channel: string, listener: (message: string) => void): Promise<() => void> {
    return this.#messages.subscribe(channel, listener);
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
    await this.#messages.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Some calls of one turn of the event loop share a write, for a write a call costs a third of the call. Not all of them:
   * then the server would wait for us and we for the server, in turns.
   */
  #shareWrites(): void {
    if (!("stream" in this.#redis)) return;
    const { stream } = this.#redis;
    if (!("cork" in stream)) return;
    if (this.#sharing === 0) {
      stream.cork();
      process.nextTick(() => {
        this.#sharing = 0;
        stream.uncork();
      });
    } else if (this.#sharing % CALLS_A_WRITE === 0) {
      stream.uncork();
      stream.cork();
    }
    this.#sharing++;
  }

  /** The call's result, or STORE_UNREACHABLE when there is none in time. By hand: a race costs a tenth of a call. */
  #within<T>(timeoutMs: number, call: () => Promise<T>, caller?: { waits: boolean }): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const signal = this.#signal;
      const end = () => {
        if (caller !== undefined) caller.waits = false;
        cancel();
        signal?.removeEventListener("abort", fail);
      };
      const fail = (error: unknown) => {
        end();
        reject(signal?.aborted ? signal.reason : toRedisError(error, this.url));
      };
      const cancel = this.#clock.timer(timeoutMs, () => {
        // Another may be the master by now, and this one has no way to say so.
        if (this.#failsOver && "stream" in this.#redis) this.#redis.disconnect(true);
        fail(
          new DcsError(
            "STORE_UNREACHABLE",
            `Redis at ${this.url} did not answer within ${Math.round(timeoutMs)} ms`,
            { details: { url: this.url, timeoutMs } },
          ),
        );
      });
      signal?.addEventListener("abort", fail, { once: true });
      if (signal?.aborted) {
        fail(signal.reason);
        return;
      }
      call().then((value) => {
        end();
        resolve(value);
      }, fail);
    });
  }
}

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
