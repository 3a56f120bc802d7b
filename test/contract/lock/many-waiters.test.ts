import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Hold, LockMode } from "../../../src/core/lock/lock.ts";
import { StoreLocks } from "../../../src/core/lock/store/store-locks.ts";
import { openStore } from "../../../src/core/store/open-store.ts";
import type { Store } from "../../../src/core/store/store.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { newLeaseId } from "../../../src/core/util/ids.ts";
import { sharedEtcd } from "../../support/shared-etcd.ts";
import { until } from "../../support/until.ts";
import { HOLDER, request } from "./lock-harness.ts";

const FOREVER = Number.POSITIVE_INFINITY;
/** More than are read at once of the beginning of a queue. */
const CROWD = 40;

const etcd = sharedEtcd();
const dir = await mkdtemp(join(tmpdir(), "dcs-many-"));
afterAll(() => rm(dir, { recursive: true, force: true }));

/** The store itself, and what was read of it. */
function counted(store: Store) {
  const reads = { lists: 0, rows: 0, watches: 0 };
  const proxy = new Proxy(store, {
    get(target, property) {
      if (property === "list") {
        return async (...args: Parameters<Store["list"]>) => {
          const result = await target.list(...args);
          reads.lists++;
          reads.rows += result.kvs.length;
          return result;
        };
      }
      if (property === "watch") {
        return (...args: Parameters<Store["watch"]>) => {
          reads.watches++;
          return target.watch(...args);
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { store: proxy, reads };
}

describe.each([
  ["embedded", () => `embedded:${dir}/${newLeaseId()}.db`],
  ["etcd", () => etcd.server.url + etcd.space()],
])("many waiters on %s", (_name, place) => {
  async function open(url: string) {
    const { store, reads } = counted(await openStore(url, { timeoutMs: 10_000, stateDir: dir }));
    const locks = new StoreLocks(store, systemClock, { ownsStore: true });
    return { store, reads, locks, [Symbol.asyncDispose]: () => locks.close() };
  }

  /** Takes a place, and resolves when it is known to stand behind others. */
  async function stand(locks: StoreLocks, name: string, over: Parameters<typeof request>[1] = {}) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const hold = locks.acquire(request(name, { waitMs: FOREVER, onWait: () => resolve(), ...over }));
    hold.catch(reject);
    await promise;
    return { hold };
  }

  it("of one process share what they read, and are served in order with those of others", async () => {
    const url = place();
    await using here = await open(url);
    await using there = await open(url);
    const first = await here.locks.acquire(request("a"));
    // Neighbours by name, which are no places of this lock.
    await here.store.txn({
      ops: [
        { put: "a/b/0", value: "" },
        { put: "a/zz", value: "" },
      ],
    });
    const order: number[] = [];
    const served = (locks: StoreLocks, i: number) => async (hold: Hold) => {
      order.push(i);
      await locks.release("a", hold.token);
    };
    const ends: Promise<void>[] = [];
    for (let i = 0; i < CROWD; i++) {
      ends.push((await stand(here.locks, "a")).hold.then(served(here.locks, i)));
    }
    const before = { ...there.reads };
    ends.push((await stand(there.locks, "a")).hold.then(served(there.locks, CROWD)));
    // Far behind, it reads the beginning and the place before its own.
    expect(there.reads.rows - before.rows).toBeLessThanOrEqual(33);
    await here.locks.release("a", first.token);
    await Promise.all(ends);
    expect(order).toEqual(Array.from({ length: CROWD + 1 }, (_, i) => i));
    expect(here.reads.watches).toBeLessThanOrEqual(2);
    expect(here.reads.rows).toBeLessThan(2 * CROWD);
    expect((await here.store.list("a/")).kvs.map(({ key }) => key)).toEqual(["a/b/0", "a/zz"]);
  });

  it("finds the place before its own among keys of longer names", async () => {
    await using here = await open(place());
    const hold = await here.locks.acquire(request("a", { mode: { type: "shared" } }));
    const others: Hold[] = [];
    for (let i = 0; i < CROWD; i++) {
      others.push(await here.locks.acquire(request("a", { mode: { type: "shared" } })));
    }
    const put = `a/b/${newLeaseId()}`;
    await here.store.txn({ ops: [{ put, value: "", lease: hold.lease }] });
    const writer = await stand(here.locks, "a");
    await here.locks.release("a", hold.token);
    for (const other of others.slice(0, -1)) await here.locks.release("a", other.token);
    expect((await here.locks.inspect("a"))?.waiters).toHaveLength(1);
    await here.locks.release("a", others.at(-1)?.token ?? "");
    expect((await writer.hold).mode).toEqual({ type: "exclusive" });
  });

  it("of several kinds go in as their turns come, also when some give up or lose their places", async () => {
    const url = place();
    await using here = await open(url);
    await using there = await open(url);
    const first = await here.locks.acquire(request("a"));
    const shared: LockMode = { type: "shared" };
    const stop = new AbortController();
    const stays = await stand(here.locks, "a");
    const quits = await stand(here.locks, "a", { signal: stop.signal });
    const readers = [
      await stand(here.locks, "a", { mode: shared }),
      await stand(here.locks, "a", { mode: shared }),
    ];
    const robbed = await stand(here.locks, "a");
    const reader = await stand(there.locks, "a", { mode: shared });
    // Slots do not go with them, whoever waits.
    await expect(
      here.locks.acquire(request("a", { mode: { type: "slots", slots: 2 }, waitMs: FOREVER })),
    ).rejects.toMatchObject({ code: "LOCK_MODE_MIXED" });
    const waiters = (await there.locks.inspect("a"))?.waiters ?? [];
    await there.store.txn({ ops: [{ delete: `a/${waiters[4]?.lease}` }] });
    await expect(robbed.hold).rejects.toMatchObject({ code: "LOCK_LOST" });
    stop.abort(new Error("enough"));
    await expect(quits.hold).rejects.toThrow("enough");
    await here.locks.release("a", first.token);
    await here.locks.release("a", (await stays.hold).token);
    const inside = await Promise.all([...readers.map(({ hold }) => hold), reader.hold]);
    expect((await here.locks.inspect("a"))?.holders).toHaveLength(3);
    for (const { token } of inside) await here.locks.release("a", token);
    await until(async () => (await here.locks.inspect("a")) === null);
  });

  it("that wait in vain say who holds it", async () => {
    await using here = await open(place());
    await here.locks.acquire(request("a"));
    const waits = Array.from({ length: 5 }, () => here.locks.acquire(request("a", { waitMs: 200 })));
    for (const result of await Promise.allSettled(waits)) {
      expect(result).toMatchObject({
        status: "rejected",
        reason: { code: "LOCK_HELD", details: { holders: 1, pid: HOLDER.pid } },
      });
    }
    expect((await here.locks.inspect("a"))?.waiters).toEqual([]);
  });

  it("hear of it when the store is closed", async () => {
    const here = await open(place());
    await here.locks.acquire(request("a"));
    const waits = [await stand(here.locks, "a"), await stand(here.locks, "a"), await stand(here.locks, "a")];
    const ends = Promise.allSettled(waits.map(({ hold }) => hold));
    await here.locks.close();
    expect((await ends).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  });
});
