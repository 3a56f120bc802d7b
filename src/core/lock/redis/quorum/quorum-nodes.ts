import type { QuorumTarget } from "../../../redis/redis-url.ts";
import { type Clock, sleep } from "../../../util/clock.ts";
import { redact } from "../../../util/redact.ts";
import { type RedisLockKeys, redisLockKeys } from "../redis-keys.ts";
import { answers, askNodes, type Question, type Reply } from "./ask-nodes.ts";
import { tooFewAnswers } from "./quorum-errors.ts";
import { QuorumNode } from "./quorum-node.ts";
import { majorityOf } from "./quorum-rule.ts";
import { type QuorumView, viewOf } from "./quorum-view.ts";

/** Once a majority is connected, the others get this long before the first lock is asked for, ms. */
const STRAGGLERS_MS = 50;

export interface QuorumNodesOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** The servers of a quorum, and what they are asked together. */
export class QuorumNodes {
  readonly all: readonly QuorumNode[];
  readonly majority: number;
  /** Without secrets. */
  readonly url: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly maxTtlMs: number;
  /** By token, those that some node has not answered yet. */
  readonly #claims = new Map<string, { isWanted: boolean; open: number }>();

  /** Resolves once a majority is connected; STORE_UNREACHABLE and its kin when that cannot be within the timeout. */
  static async open(target: QuorumTarget, options: QuorumNodesOptions): Promise<QuorumNodes> {
    const nodes = new QuorumNodes(target, options);
    try {
      await nodes.#untilMajority();
      return nodes;
    } catch (error) {
      await nodes.close();
      throw error;
    }
  }

  private constructor(target: QuorumTarget, { timeoutMs, clock }: QuorumNodesOptions) {
    this.url = redact(target.shown);
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.maxTtlMs = target.maxTtlMs;
    this.majority = majorityOf(target.servers.length);
    const youthMs = target.youngCount ? null : target.maxTtlMs;
    this.all = target.servers.map((address) => new QuorumNode(address, { clock, timeoutMs, youthMs }));
  }

  /** True when the node has been up for long enough to know of every hold it was ever told. */
  counts(index: number, now: number): boolean {
    return (this.all[index]?.youngUntil ?? Number.POSITIVE_INFINITY) <= now;
  }

  ask(question: Omit<Question, "timeoutMs"> & { readonly timeoutMs?: number }): Promise<readonly Reply[]> {
    return askNodes(this.all, { timeoutMs: this.timeoutMs, ...question }, this.clock);
  }

  /**
   * Asks for what the token is to have. A node that is slow to say that it does not know the script is told it also when a majority
   * has answered, but not once the token gives back what it has: that would come first.
   */
  claim(token: string, question: Parameters<QuorumNodes["ask"]>[0]): Promise<readonly Reply[]> {
    const claim = this.#claims.get(token) ?? { isWanted: true, open: 0 };
    this.#claims.set(token, claim);
    claim.isWanted = true;
    claim.open++;
    return this.ask({
      ...question,
      isWanted: () => claim.isWanted,
      onSettled: () => {
        if (--claim.open === 0) this.#claims.delete(token);
      },
    });
  }

  /** Like `ask`, and rejects when fewer than a majority answered. */
  async askMajority(question: Parameters<QuorumNodes["ask"]>[0]): Promise<readonly Reply[]> {
    const replies = await this.ask(question);
    if (answers(replies) < this.majority) throw tooFewAnswers(this.url, this.all, replies);
    return replies;
  }

  async look(name: string): Promise<QuorumView> {
    const { lock, state, queue, places } = redisLockKeys(name);
    const keys = [lock, state, queue, places];
    return viewOf(name, await this.askMajority({ script: "look", keys, args: [] }));
  }

  /** Gives back what the token has on every node: those that cannot be told now are told when they can be reached again. */
  release(
    keys: RedisLockKeys,
    token: string,
    how: "release" | "leave" | "yield",
    options: {
      readonly ttlMs: number;
      readonly timeoutMs?: number;
      readonly whole?: boolean;
      readonly except?: (index: number) => boolean;
      readonly decided?: (replies: readonly Reply[]) => boolean;
    },
  ): Promise<readonly Reply[]> {
    const { ttlMs, ...rest } = options;
    const claim = this.#claims.get(token);
    if (claim !== undefined) claim.isWanted = false;
    const until = this.clock.monotonic() + ttlMs;
    const names = [keys.lock, keys.queue, keys.places, keys.wake];
    const onFailed = (index: number) => this.all[index]?.owe(keys, token, until);
    return this.ask({ script: "release", keys: names, args: [token, how], onFailed, ...rest });
  }

  /** Calls `listener` for each message of any node. Resolves when a majority listens, or cannot be had at once. */
  async subscribe(channel: string, listener: (message: string) => void): Promise<() => void> {
    const subscriptions = this.all.map((node) => node.subscribe(channel, listener));
    const enough = Promise.withResolvers<void>();
    let done = 0;
    for (const subscription of subscriptions) {
      void subscription.done.then(() => {
        if (++done >= this.majority) enough.resolve();
      });
    }
    await enough.promise;
    return () => {
      for (const { stop } of subscriptions) stop();
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((node) => node.close()));
  }

  async #untilMajority(): Promise<void> {
    const connected = () => this.all.filter((node) => node.connected).length;
    const end = this.clock.monotonic() + this.timeoutMs + STRAGGLERS_MS;
    let tried = 0;
    const enough = Promise.withResolvers<void>();
    for (const node of this.all) {
      void node.attempt.then(() => {
        tried++;
        const rest = this.all.length - tried;
        if (connected() >= this.majority || connected() + rest < this.majority) enough.resolve();
      });
    }
    const late = new AbortController();
    await Promise.race([
      enough.promise,
      sleep(this.clock, end - this.clock.monotonic(), late.signal).catch(() => {}),
    ]).finally(() => late.abort());
    // Where there will be no majority the others have all of their time, or one that is well would pass for dead.
    const patienceMs = connected() < this.majority ? end - this.clock.monotonic() : STRAGGLERS_MS;
    const rest = this.all
      .filter((node) => !node.connected && node.failure === null)
      .map((node) => node.attempt);
    const patience = new AbortController();
    await Promise.race([
      Promise.all(rest),
      sleep(this.clock, patienceMs, patience.signal).catch(() => {}),
    ]).finally(() => patience.abort());
    if (connected() < this.majority) {
      const replies = this.all.map(
        (node): Reply =>
          node.connected ? { state: "answer", value: null } : { state: "failed", error: node.failure },
      );
      throw tooFewAnswers(this.url, this.all, replies);
    }
  }
}
