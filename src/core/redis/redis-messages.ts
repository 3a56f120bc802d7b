import { connected, type RedisClient } from "./redis-client.ts";

/** ioredis subscribes again by itself after a reconnect, and lets the failure of that end the process. */
const RESUBSCRIBES = { autoResubscribe: false };

export interface RedisMessagesOptions {
  /** The call's result, or a rejection when there is none in time. */
  readonly within: <T>(call: () => Promise<T>) => Promise<T>;
  /** False: when the connection for messages breaks, the one for calls is ended too. */
  readonly reconnects: boolean;
}

/** The messages of channels, over a connection of their own that is opened with the first subscription. */
export class RedisMessages {
  readonly #redis: RedisClient;
  readonly #within: RedisMessagesOptions["within"];
  readonly #reconnects: boolean;
  #subscriber: Promise<RedisClient> | null = null;
  #closed = false;
  readonly #listeners = new Map<string, Set<(message: string) => void>>();

  /** `redis` is the connection for calls. */
  constructor(redis: RedisClient, { within, reconnects }: RedisMessagesOptions) {
    this.#redis = redis;
    this.#within = within;
    this.#reconnects = reconnects;
  }

  /**
   * Calls `listener` for each message of the channel, until the returned function is called. Resolves once subscribed;
   * rejects after `close`.
   */
  async subscribe(channel: string, listener: (message: string) => void): Promise<() => void> {
    if (this.#closed) throw new Error("the connection for messages was closed");
    this.#subscriber ??= this.#openSubscriber();
    const subscriber = await this.#subscriber;
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners);
    listeners.add(listener);
    if (listeners.size === 1) await this.#within(() => subscriber.subscribe(channel));
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      this.#listeners.delete(channel);
      subscriber.unsubscribe(channel).catch(() => {});
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    (await this.#subscriber?.catch(() => null))?.disconnect();
  }

  async #openSubscriber(): Promise<RedisClient> {
    // A Cluster has a connection for messages already, and moves it when its server goes.
    const isCluster = "nodes" in this.#redis;
    const subscriber = "nodes" in this.#redis ? this.#redis : this.#redis.duplicate(RESUBSCRIBES);
    subscriber.on("error", () => {});
    subscriber.on("message", (channel: string, message: string) => {
      for (const listener of this.#listeners.get(channel) ?? []) listener(message);
    });
    if (isCluster) return subscriber;
    subscriber.on("ready", () => {
      const channels = [...this.#listeners.keys()];
      // A connection that breaks meanwhile is opened again, and comes here again.
      if (channels.length > 0) subscriber.subscribe(...channels).catch(() => {});
    });
    try {
      await this.#within(() => connected(subscriber, true));
      // Without messages the connection is not whole: its owner shall open it anew.
      if (!this.#reconnects) subscriber.once("end", () => this.#redis.disconnect());
      return subscriber;
    } catch (error) {
      subscriber.disconnect();
      this.#subscriber = null;
      throw error;
    }
  }
}
