import { connectClient, isReplyError, newClient, type RedisClient } from "../../redis/redis-client.ts";
import { toRedisError } from "../../redis/redis-errors.ts";
import { parseRedisTarget, type RedisTarget } from "../../redis/redis-url.ts";
import { systemClock } from "../../util/clock.ts";
import { redact } from "../../util/redact.ts";
import type { Call, Driver, DriverShare } from "./driver.ts";
import { failureKind, sayFailure } from "./failure-kind.ts";
import { type Failure, type Lane, Lanes } from "./lanes.ts";
import { parseRedisOperation } from "./redis-operation.ts";
import { numbering } from "./request-numbers.ts";
import { sizeOf } from "./size-of.ts";
import { asTargetError, CONNECT_TIMEOUT_MS, targetUnfit, withinConnectTime } from "./target-error.ts";

export interface RedisDriverOptions {
  readonly url: string;
  /** See parseRedisOperation; null for its default. */
  readonly operation: string | null;
  readonly share: DriverShare;
  readonly workers: number;
}

type OneRedis = Exclude<RedisTarget, { readonly kind: "quorum" }>;

/** A server that does not end its side is left after 100 ms: see newClient. */
const CLOSED_MS = 300;
const ONE =
  "name one server, a Cluster (redis+cluster://…) or a master behind Sentinels (redis+sentinel://…); for a quorum of locks: lock:NAME";

/** What ioredis says of a command whose connection is gone. */
const CLOSED = /^Connection is closed|^Stream isn't writeable|^Reached the max retries per request/;

/**
 * One command of Redis, one at a time on each connection: no pipelining, so that a time is that of one command. To a Cluster a
 * connection is one to each of its masters. A command whose answer is lost is a failure, and is not sent again.
 */
export class RedisDriver implements Driver {
  readonly #lanes: Lanes;

  /** Connects. USAGE for the operation, URL_INVALID, BENCH_UNREACHABLE, PERMISSION_DENIED. */
  static async open({ url, operation, share, workers }: RedisDriverOptions): Promise<RedisDriver> {
    const words = parseRedisOperation(operation);
    const shown = redact(url);
    try {
      const target = parseRedisTarget(url);
      if (target.kind === "quorum") throw targetUnfit(shown, "names several servers", { hint: ONE });
      const numbers = numbering({ worker: share.worker, workers });
      const lanes = new Lanes({
        connections: share.connections,
        open: (signal) => RedisLane.open(target, () => words(numbers()), signal),
        failure: redisFailure,
      });
      await lanes.prepare();
      return new RedisDriver(lanes);
    } catch (error) {
      throw asTargetError(toRedisError(error, shown), shown);
    }
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

class RedisLane implements Lane {
  readonly #client: RedisClient;
  readonly #words: () => readonly string[];

  static async open(
    target: OneRedis,
    words: () => readonly string[],
    signal: AbortSignal,
  ): Promise<RedisLane> {
    const client = await newClient(target, { timeoutMs: CONNECT_TIMEOUT_MS, reconnect: false });
    client.on("error", () => {});
    const lane = new RedisLane(client, words);
    const opened = new AbortController();
    try {
      await withinConnectTime(connectClient(client, systemClock, opened.signal), signal);
      return lane;
    } catch (error) {
      await lane.close();
      throw error;
    } finally {
      opened.abort();
    }
  }

  private constructor(client: RedisClient, words: () => readonly string[]) {
    this.#client = client;
    this.#words = words;
  }

  get isOpen(): boolean {
    return this.#client.status === "ready";
  }

  send(done: (error: unknown, bytes: number) => void): void {
    const [name = "", ...args] = this.#words();
    this.#client.call(name, ...args).then(
      (answer) => done(null, sizeOf(answer)),
      (error: unknown) => done(error, 0),
    );
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#client.status === "end") return resolve();
      // What waits to connect again ends without a word of it.
      const timer = setTimeout(resolve, CLOSED_MS);
      this.#client.once("end", () => {
        clearTimeout(timer);
        resolve();
      });
      this.#client.disconnect();
    });
  }
}

/** Redis's own errors begin with their kind: `WRONGTYPE …`, `ERR …`. */
function redisFailure(error: unknown): Failure {
  const example = sayFailure(error);
  if (isReplyError(error)) return { kind: /^-?([A-Z]+)\b/.exec(error.message)?.[1] ?? "error", example };
  const kind = failureKind(error);
  return { kind: kind === "error" && CLOSED.test(example) ? "closed" : kind, example };
}
