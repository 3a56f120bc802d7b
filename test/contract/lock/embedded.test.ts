import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openLocks } from "../../../src/core/lock/open-locks.ts";
import { StoreLocks } from "../../../src/core/lock/store/store-locks.ts";
import { openStore } from "../../../src/core/store/open-store.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { until } from "../../support/until.ts";
import { lockContract } from "./lock-contract.ts";

lockContract("embedded", async () => {
  const dir = await mkdtemp(join(tmpdir(), "dcs-locks-"));
  return {
    open: () => openLocks({ url: `embedded:${dir}/store.db`, timeoutMs: 10_000, stateDir: dir }),
    destroy: () => rm(dir, { recursive: true, force: true }),
  };
});

it("keeps the place of a waiter by its process, even if the hold is to be detached", async () => {
  const dir = await mkdtemp(join(tmpdir(), "dcs-locks-"));
  await using locks = await openLocks({ url: `embedded:${dir}/store.db`, timeoutMs: 10_000, stateDir: dir });
  const ask = { name: "a", ttlMs: 30_000, holder: { host: "elsewhere", pid: 4711, command: "test" } };
  const first = await locks.acquire({ ...ask, waitMs: 0, detached: false });
  const waiting = locks.acquire({ ...ask, waitMs: 10_000, detached: true });
  await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
  expect(await locks.inspect("a")).toMatchObject({ waiters: [{ detached: false }] });
  await locks.release("a", first.token);
  await waiting;
  expect(await locks.inspect("a")).toMatchObject({ holder: { detached: true } });
  await rm(dir, { recursive: true, force: true });
});

it("grants no detached hold whose place was lost just before", async () => {
  const dir = await mkdtemp(join(tmpdir(), "dcs-locks-"));
  await using store = await openStore(`embedded:${dir}/store.db`, { timeoutMs: 10_000, stateDir: dir });
  const txn = store.txn.bind(store);
  // What a process sees that was stopped past its TTL at the worst moment.
  store.txn = async (request, options) => {
    if (request.ops.length === 0 && request.grant !== undefined) await store.revoke(request.grant.id);
    return await txn(request, options);
  };
  await using locks = new StoreLocks(store, systemClock);
  const holder = { host: "elsewhere", pid: 4711, command: "test" };
  await expect(
    locks.acquire({ name: "a", ttlMs: 30_000, waitMs: 1000, holder, detached: true }),
  ).rejects.toMatchObject({ code: "LOCK_LOST" });
  expect(await store.leases()).toEqual([]);
  await rm(dir, { recursive: true, force: true });
});

it.each([true, false])(
  "hears that it is stopped while its place is being taken (fair: %s)",
  async (fair) => {
    const dir = await mkdtemp(join(tmpdir(), "dcs-locks-"));
    await using store = await openStore(`embedded:${dir}/store.db`, { timeoutMs: 10_000, stateDir: dir });
    const txn = store.txn.bind(store);
    const stop = new AbortController();
    let isArmed = false;
    store.txn = async (request, options) => {
      const result = await txn(request, options);
      if (isArmed) stop.abort(new Error("enough"));
      return result;
    };
    await using locks = new StoreLocks(store, systemClock);
    const ask = { name: "a", ttlMs: 30_000, holder: { host: "elsewhere", pid: 4711, command: "test" } };
    const first = await locks.acquire({ ...ask, waitMs: 0, detached: false });
    isArmed = true;
    const second = locks.acquire({ ...ask, waitMs: 20_000, detached: false, fair, signal: stop.signal });
    await expect(second).rejects.toThrow("enough");
    isArmed = false;
    expect(await locks.inspect("a")).toMatchObject({ waiters: [] });
    await locks.release("a", first.token);
    await rm(dir, { recursive: true, force: true });
  },
  10_000,
);
