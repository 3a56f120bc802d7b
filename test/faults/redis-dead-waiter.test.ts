import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AcquireRequest, Hold, LockDriver } from "../../src/core/lock/lock.ts";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { redisLockKeys } from "../../src/core/lock/redis/redis-keys.ts";
import { expectWithin } from "../support/expect-within.ts";
import { startRedis } from "../support/redis.ts";
import { startQuorum } from "../support/redis-quorum.ts";
import { type RunningDcs, type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

/** The place of a killed waiter is kept for 4 to 6 s. It is passed 1 s after its turn, by one who looks every 2 s. */
const SOON_MS = 3000;

type Kind = Pick<AcquireRequest, "mode">;

describe("a waiter that is killed or stopped while it is the first in line", () => {
  const ends: (() => unknown)[] = [];
  let box: Sandbox;
  let locks: LockDriver;
  let url: string;

  const open = async (at: string) => {
    url = at;
    locks = await openLocks({ url, timeoutMs: 5000, stateDir: box.dir });
    ends.push(() => locks.close());
  };

  const single = async () => {
    const server = await startRedis();
    ends.push(() => server.stop());
    await open(server.url);
    return server;
  };

  const acquire = (name: string, waitMs: number, kind: Kind = {}): Promise<Hold> => {
    const holder = { host: "elsewhere", pid: 1, command: "test" };
    return locks.acquire({ name, ttlMs: 60_000, waitMs, holder, detached: false, ...kind });
  };

  const waiting = (name: string, count: number) =>
    until(async () => (await locks.inspect(name))?.waiters.length === count);

  /** A process of its own that waits in line. */
  const startWaiter = (name: string, flags: readonly string[] = []): RunningDcs => {
    const args = ["lock", "acquire", name, "--locks", url, "--wait", "60s", "--ttl", "60s", ...flags];
    const waiter = startDcs(box, args);
    ends.push(() => waiter.process.kill("SIGKILL"));
    return waiter;
  };

  /** How long a living waiter behind the killed one waits for a lock that has become free, ms. */
  const waitBehindDead = async (
    name: string,
    { held = {}, flags = [], second = {} }: { held?: Kind; flags?: readonly string[]; second?: Kind } = {},
  ) => {
    const hold = await acquire(name, 0, held);
    const head = startWaiter(name, flags);
    await waiting(name, 1);
    const next = acquire(name, 30_000, second);
    await waiting(name, 2);
    head.process.kill("SIGKILL");
    await head.done;
    const begin = performance.now();
    await locks.release(name, hold.token);
    await next;
    return performance.now() - begin;
  };

  beforeEach(() => {
    box = sandbox();
    ends.push(() => box[Symbol.dispose]());
  });

  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  it("is passed, on one server, whatever kind of hold it waited for", async () => {
    await single();
    const slots = { mode: { type: "slots", slots: 1 } } as const;
    const shared = { mode: { type: "shared" } } as const;
    const waits = await Promise.all([
      waitBehindDead("alone"),
      waitBehindDead("write after read", { flags: ["--shared"] }),
      waitBehindDead("read after write", { second: shared }),
      waitBehindDead("slots", { held: slots, flags: ["--slots", "1"], second: slots }),
    ]);
    for (const ms of waits) expectWithin(ms, SOON_MS);
  });

  it("is passed also when the lock ends by its TTL", async () => {
    const { port } = await single();
    const bare = new Redis(port, "127.0.0.1");
    ends.push(() => bare.disconnect());
    await bare.set("a", "theirs", "PX", 10_000);
    const head = startWaiter("a");
    await waiting("a", 1);
    const next = acquire("a", 30_000);
    await waiting("a", 2);
    // So late that its place is still kept when the lock ends.
    await until(async () => (await bare.pttl("a")) < 3000);
    head.process.kill("SIGKILL");
    await head.done;
    const left = await bare.pttl("a");
    expect(left).toBeGreaterThan(0);
    const over = performance.now() + left;
    await next;
    expectWithin(performance.now() - over, SOON_MS);
  });

  it("is passed on a quorum", async () => {
    const quorum = await startQuorum(3);
    ends.push(() => quorum.stop());
    await open(quorum.url());
    expectWithin(await waitBehindDead("a"), SOON_MS);
  });

  it("is passed while it is stopped, and has its place again when it goes on", async () => {
    const { port } = await single();
    const bare = new Redis(port, "127.0.0.1");
    ends.push(() => bare.disconnect());
    const hold = await acquire("a", 0);
    const head = startWaiter("a");
    await waiting("a", 1);
    const second = acquire("a", 30_000);
    await waiting("a", 2);
    const third = acquire("a", 30_000).then(() => "third");
    await waiting("a", 3);
    head.process.kill("SIGSTOP");
    await locks.release("a", hold.token);
    const { token } = await second;
    head.process.kill("SIGCONT");
    // What it was told is forgotten once it has spoken.
    const told = async () =>
      (await bare.hvals(redisLockKeys("a").places)).map((place) => place.split(" ")[1]);
    await until(async () => (await told()).every((ms) => ms === "0"));
    await locks.release("a", token);
    expect(await Promise.race([head.done.then(({ code }) => code), third])).toBe(0);
    const [, given = ""] = /token +(\S+)/.exec(head.stdout()) ?? [];
    await locks.release("a", given);
    expect(await third).toBe("third");
  });
});
