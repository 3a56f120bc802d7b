import Redlock from "redlock";
import { describe, expect, it } from "vitest";
import { expectWithin } from "../support/expect-within.ts";
import { quorumUrl } from "../support/redis-quorum.ts";
import { until } from "../support/until.ts";
import { quorumPerTest, request } from "./kit/quorum.ts";

describe("the queue of a quorum of Redis servers", () => {
  const { servers, bare, start, open, kill, keys } = quorumPerTest();

  it("never hangs on split votes: everybody gets it, one at a time, on two nodes of three", async () => {
    await start();
    await kill(0);
    const drivers = [await open(), await open(), await open()];
    let inside = 0;
    const fences: number[] = [];
    const begin = performance.now();
    await Promise.all(
      Array.from({ length: 12 }, async (_, i) => {
        const locks = drivers[i % 3];
        const hold = await locks?.acquire(request("a", { waitMs: 60_000 }));
        expect(++inside).toBe(1);
        fences.push(hold?.fence ?? 0);
        inside--;
        await locks?.release("a", hold?.token ?? "");
      }),
    );
    expect(fences).toEqual([...fences].sort((a, b) => a - b));
    expectWithin(performance.now() - begin, 10_000);
  });

  it("settles votes that are split for good, over which redlock hangs", async () => {
    await start(4);
    for (const client of bare.slice(0, 2)) await client.set("naive", "another", "PX", 60_000);
    let settled = false;
    const done = () => {
      settled = true;
    };
    new Redlock(bare, { retryCount: 0 }).acquire(["naive"], 30_000).then(done, done);
    // It said yes at the other two: everybody has answered.
    await until(async () => (await keys("naive")).join("") === "1111");
    const locks = await open(quorumUrl(servers.slice(0, 3)));
    await bare[0]?.set("a", "another", "PX", 60_000);
    await kill(1);
    await expect(locks.acquire(request("a"))).rejects.toMatchObject({ exitCode: expect.any(Number) });
    await until(async () => (await bare[2]?.exists("a")) === 0);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(settled).toBe(false);
  });

  it("lets one of those have it that come at once and do not wait", async () => {
    await start();
    const drivers = await Promise.all([1, 2, 3, 4].map(() => open()));
    for (let round = 0; round < 10; round++) {
      const name = `round-${round}`;
      const tries = await Promise.allSettled(drivers.map((locks) => locks.acquire(request(name))));
      expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    }
  });

  it("is handed over at once when it is released", async () => {
    await start();
    const [locks, others] = [await open(), await open()];
    const delays: number[] = [];
    for (let i = 0; i < 10; i++) {
      const hold = await locks.acquire(request("a", { waitMs: 5000 }));
      const waiting = others.acquire(request("a", { waitMs: 60_000 }));
      await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
      const begin = performance.now();
      await locks.release("a", hold.token);
      const next = await waiting;
      delays.push(performance.now() - begin);
      await others.release("a", next.token);
    }
    expectWithin(delays.sort((a, b) => a - b)[5] ?? 0, 50);
  });

  it("hears of a release also after its connections for messages were cut", async () => {
    await start();
    const [locks, others] = [await open(), await open()];
    const hold = await locks.acquire(request("a"));
    const waiting = others.acquire(request("a", { waitMs: 60_000 }));
    await until(async () => (await locks.inspect("a"))?.waiters.length === 1);
    const listeners = async () =>
      Promise.all(bare.map(async (client) => (await client.pubsub("NUMSUB", "dcs:lock:{a}:wake"))[1]));
    await until(async () => (await listeners()).every((number) => Number(number) === 1));
    for (const client of bare) await client.call("CLIENT", "KILL", "TYPE", "pubsub");
    await until(async () => (await listeners()).every((number) => Number(number) === 1));
    const begin = performance.now();
    await locks.release("a", hold.token);
    await waiting;
    expectWithin(performance.now() - begin, 1000);
  });

  it("leaves no connection for messages behind when only those for calls are cut", async () => {
    await start();
    const [locks, others] = [await open(), await open()];
    const hold = await locks.acquire(request("a"));
    const waiting = others.acquire(request("a", { waitMs: 60_000 }));
    const clients = async (type: string) => {
      const lists = await Promise.all(bare.map((client) => client.call("CLIENT", "LIST", "TYPE", type)));
      return lists.map((list) =>
        String(list)
          .split("\n")
          .filter((line) => line.includes(" name=dcs ")),
      );
    };
    const listeners = async () => (await clients("pubsub")).map((list) => list.length).join("");
    await until(async () => (await listeners()) === "111");
    for (let round = 0; round < 3; round++) {
      const before = new Set((await clients("pubsub")).flat().map((line) => line.split(" ")[0]));
      for (const client of bare) await client.call("CLIENT", "KILL", "TYPE", "normal");
      await until(async () => {
        const now = (await clients("pubsub")).flat().map((line) => line.split(" ")[0]);
        return now.length === 3 && now.every((id) => !before.has(id));
      });
    }
    await locks.release("a", hold.token);
    await others.release("a", (await waiting).token);
    await others.close();
    await until(async () => (await listeners()) === "000");
  });
});
