import { describe, expect, it } from "vitest";
import { openLocks } from "../../src/core/lock/open-locks.ts";
import { StoreLocks } from "../../src/core/lock/store/store-locks.ts";
import { openStore } from "../../src/core/store/open-store.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { startRedis } from "../support/redis.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

/** What the long lock-set runs found: waiters that ended with a failure that nobody had foreseen. */
describe("a waiter", () => {
  const box = sandboxPerTest();
  const holder = { host: "elsewhere", pid: 1, command: "test" };
  const request = { name: "a", ttlMs: 60_000, waitMs: 0, holder, detached: true } as const;

  it("on Redis survives that its connections are cut over and over, and gets the lock", async () => {
    const redis = await startRedis();
    await using proxy = await FaultyProxy.start(redis.port);
    await using locks = await openLocks({ url: redis.url, timeoutMs: 5000, stateDir: box.dir });
    const hold = await locks.acquire(request);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const waiters = Array.from({ length: 3 }, () =>
      box.start(..."lock acquire a --wait forever --timeout 2s --locks".split(" "), url, "--", "true"),
    );
    await until(() => waiters.every((dcs) => dcs.stderr().includes("waiting")), 30_000);
    const before = proxy.accepted;
    // Each new connection of a waiter meets its end at another moment: when it opens, subscribes, or has subscribed.
    for (let cuts = 0; proxy.accepted < before + 60 && cuts < 400; cuts++) {
      await new Promise((resolve) => setTimeout(resolve, cuts % 12));
      if (cuts % 2 === 0) proxy.cutAfterSend();
      else proxy.cut();
    }
    await locks.release("a", hold.token);
    const ends = await Promise.all(waiters.map(({ done }) => done));
    // 5: it gave up because the backend could not be reached, and said so.
    for (const { code, stderr } of ends) expect([0, 5], stderr).toContain(code);
    await redis.stop();
  });

  it.each([
    ["its place is lost", Number.POSITIVE_INFINITY, 600, "LOCK_LOST"],
    ["its wait ran out", 300, 60_000, "LOCK_HELD"],
  ])("says so when %s in the middle of a call to the store", async (_, waitMs, ttlMs, code) => {
    await using store = await openStore(`embedded:${box.dir}/store.db`, {
      timeoutMs: 5000,
      stateDir: box.dir,
    });
    // What a call of etcd does that is under way then.
    store.watch = async function* (_prefix, _from, signal) {
      await new Promise((__, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      yield* [];
    };
    await using locks = new StoreLocks(store, systemClock);
    await locks.acquire(request);
    const onWait = async () => {
      const [mine] = (await locks.inspect("a"))?.waiters ?? [];
      if (code === "LOCK_LOST" && mine !== undefined) await store.revoke(mine.lease);
    };
    const waiting = locks.acquire({
      ...request,
      ttlMs,
      waitMs,
      detached: false,
      onWait: () => void onWait(),
    });
    await expect(waiting).rejects.toMatchObject({ code });
  });
});
