import { DcsError } from "../../../errors.ts";
import { parseRedisTarget } from "../../../redis/redis-url.ts";
import type { Holder } from "../../../store/store.ts";
import type { Clock } from "../../../util/clock.ts";
import type {
  AcquireRequest,
  Hold,
  LockDriver,
  LockEvent,
  LockHolder,
  LockNotes,
  LockState,
  Renewal,
} from "../../lock.ts";
import { foreignHold, lockNotOwned, ttlInvalid } from "../../lock-errors.ts";
import { checkMode, EXCLUSIVE } from "../../lock-mode.ts";
import { checkLockName } from "../../lock-name.ts";
import { pollLocks } from "../poll-locks.ts";
import { nameOfStateKey, redisLockKeys, STATE_PATTERN } from "../redis-keys.ts";
import { leaseOf } from "../redis-look.ts";
import { Wake } from "../wake.ts";
import { count, type Reply, refused, yesOrNo } from "./ask-nodes.ts";
import { acquireQuorum } from "./quorum-acquire.ts";
import { answeredTooLate, tooFewAnswers } from "./quorum-errors.ts";
import { QuorumNodes } from "./quorum-nodes.ts";
import { QuorumNotes } from "./quorum-notes.ts";
import { grantOf } from "./quorum-record.ts";
import { deadlineOf } from "./quorum-rule.ts";

const MIN_TTL_MS = 100;
/**
 * Locks on an odd number of independent Redis servers: Redlock (antirez, "Distributed locks with Redis") with a second round
 * that makes the fence monotone over the quorum; see quorum-grant.ts. No queue is fair here: who waits is woken by the
 * release, its turn is a hint.
 */
export class QuorumLocks implements LockDriver {
  readonly backend = "redis";
  readonly capabilities: LockDriver["capabilities"];
  readonly notes: LockNotes;
  readonly #nodes: QuorumNodes;
  readonly #clock: Clock;

  static async open(url: string, timeoutMs: number, clock: Clock): Promise<QuorumLocks> {
    const target = parseRedisTarget(url);
    if (target.kind !== "quorum") throw new DcsError("UNEXPECTED", "the URL names no quorum");
    return new QuorumLocks(await QuorumNodes.open(target, { timeoutMs, clock }));
  }

  private constructor(nodes: QuorumNodes) {
    this.#nodes = nodes;
    this.#clock = nodes.clock;
    this.capabilities = { fifo: false, minTtlMs: MIN_TTL_MS, maxTtlMs: nodes.maxTtlMs, modes: ["exclusive"] };
    this.notes = new QuorumNotes(nodes);
  }

  get url(): string {
    return this.#nodes.url;
  }

  async acquire(request: AcquireRequest): Promise<Hold> {
    const name = checkLockName(request.name);
    checkMode(request.mode, this);
    const ttlMs = this.#checkTtl(request.ttlMs);
    if (request.token !== undefined) return this.#reenter(name, request.token);
    return acquireQuorum(this.#nodes, { ...request, ttlMs });
  }

  async renew(name: string, token: string): Promise<Renewal> {
    const { lock, state } = redisLockKeys(checkLockName(name));
    const view = await this.#nodes.look(name);
    const record = view.record(token);
    if (record === null || view.lost(token)) throw lockNotOwned(name, view.state?.holder ?? null);
    const { ttlMs } = record;
    const sent = this.#clock.monotonic();
    const replies = await this.#nodes.ask({
      script: "renew",
      keys: [lock],
      args: [token, ttlMs],
      timeoutMs: Math.min(this.#nodes.timeoutMs, ttlMs / 4),
      decided: yesOrNo,
    });
    if (refused(replies)) throw lockNotOwned(name, (await this.inspect(name))?.holder ?? null);
    if (count(replies, yes) < this.#nodes.majority) throw tooFewAnswers(this.url, this.#nodes.all, replies);
    const deadline = deadlineOf(sent, ttlMs);
    const now = this.#clock.monotonic();
    if (now >= deadline) throw answeredTooLate(name, now - sent, ttlMs);
    // Nodes that forgot it, or never heard of it, learn it from a hold that a majority has confirmed.
    void this.#nodes.claim(token, {
      script: "restore",
      keys: [lock, state],
      args: [token, ttlMs, record.fence ?? 0, JSON.stringify(record)],
      except: (i) => !(replies[i]?.state === "answer" && replies[i].value !== 1),
    });
    return { ttlMs, deadline, expiresAt: Math.round(this.#clock.now() + deadline - now) };
  }

  async release(name: string, token: string): Promise<void> {
    const keys = redisLockKeys(checkLockName(name));
    const replies = await this.#nodes.release(keys, token, "release", {
      ttlMs: this.#nodes.maxTtlMs,
      decided: yesOrNo,
    });
    const held = count(replies, yes);
    if (held > 0 && !refused(replies)) return;
    if (!refused(replies)) throw tooFewAnswers(this.url, this.#nodes.all, replies);
    throw lockNotOwned(name, (await this.inspect(name))?.holder ?? null);
  }

  async setHolder(name: string, token: string, holder: Holder): Promise<void> {
    const { lock, state } = redisLockKeys(checkLockName(name));
    const view = await this.#nodes.look(name);
    const record = view.record(token);
    if (record === null || view.lost(token)) throw lockNotOwned(name, view.state?.holder ?? null);
    const replies = await this.#nodes.askMajority({
      script: "set-record",
      keys: [lock, state],
      args: [token, JSON.stringify({ ...record, holder })],
      decided: yesOrNo,
    });
    if (refused(replies)) throw lockNotOwned(name, (await this.inspect(name))?.holder ?? null);
  }

  async gone(name: string, token: string, signal: AbortSignal): Promise<void> {
    const { wake } = redisLockKeys(checkLockName(name));
    const changed = new Wake();
    const stop = await this.#nodes.subscribe(wake, () => changed.now());
    try {
      while (!signal.aborted) {
        const view = await this.#nodes.look(name).catch(() => null);
        // What cannot be seen is for the renewals to judge.
        if (view?.lost(token)) return;
        const pause = Math.min(1000, Math.max(100, (view?.record(token)?.ttlMs ?? 3000) / 6));
        await changed.within(pause, this.#clock, signal).catch(() => {});
      }
    } finally {
      stop();
    }
  }

  async breakHold(name: string, place: LockHolder): Promise<boolean> {
    const keys = redisLockKeys(checkLockName(name));
    const view = await this.#nodes.look(name);
    const token = view.tokenOf(place);
    if (token === null || view.lost(token)) return false;
    // What is not dcs's may be an application's.
    if (view.record(token) === null) throw foreignHold(name);
    // Later fences are above: their majority meets a node that knows this one.
    const replies = await this.#nodes.release(keys, token, "release", { ttlMs: this.#nodes.maxTtlMs });
    return count(replies, yes) > 0;
  }

  /** On the nodes that answer; on the others the keys end by themselves. */
  async forget(name: string): Promise<void> {
    const { lock, wake: _, ...beside } = redisLockKeys(checkLockName(name));
    await this.#nodes.ask({ script: "forget", keys: [lock, ...Object.values(beside)], args: [] });
  }

  async list(): Promise<readonly LockState[]> {
    const found = await Promise.all(this.#nodes.all.map((node) => node.keys(STATE_PATTERN)));
    const replies = found.map(
      (keys): Reply => (keys === null ? { state: "pending" } : { state: "answer", value: keys }),
    );
    if (count(replies, () => true) < this.#nodes.majority)
      throw tooFewAnswers(this.url, this.#nodes.all, replies);
    const names = new Set(found.flatMap((keys) => (keys ?? []).flatMap((key) => nameOfStateKey(key) ?? [])));
    const states = await Promise.all([...names].sort().map((name) => this.inspect(name)));
    return states.filter((state) => state !== null);
  }

  async inspect(name: string): Promise<LockState | null> {
    return (await this.#nodes.look(checkLockName(name))).state;
  }

  watch(name: string | null, signal: AbortSignal): AsyncIterable<LockEvent> {
    const look = async () => {
      if (name === null) return this.list();
      const state = await this.inspect(name);
      return state === null ? [] : [state];
    };
    return pollLocks(look, this.#clock, signal);
  }

  close(): Promise<void> {
    return this.#nodes.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The hold of the token, renewed. LOCK_NOT_OWNED. */
  async #reenter(name: string, token: string): Promise<Hold> {
    const renewed = await this.renew(name, token);
    const record = (await this.#nodes.look(name)).record(token);
    if (record === null) throw lockNotOwned(name, (await this.inspect(name))?.holder ?? null);
    const grant = { fence: record.fence, grant: grantOf(record), lease: leaseOf(token) };
    return { name, token, mode: EXCLUSIVE, reentered: true, ...grant, ...renewed };
  }

  #checkTtl(ttlMs: number): number {
    const { minTtlMs, maxTtlMs } = this.capabilities;
    if (!Number.isFinite(ttlMs) || ttlMs <= 0 || ttlMs > maxTtlMs)
      throw ttlInvalid(ttlMs, minTtlMs, maxTtlMs);
    return Math.max(Math.ceil(ttlMs), minTtlMs);
  }
}

function yes(value: unknown): boolean {
  return value === 1;
}
