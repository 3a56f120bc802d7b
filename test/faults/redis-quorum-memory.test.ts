import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/util/clock.ts";
import { quorumUrl } from "../support/redis-quorum.ts";
import { until } from "../support/until.ts";
import { quorumPerTest, request } from "./kit/quorum.ts";

describe("a quorum of Redis servers that forget", () => {
  const { servers, bare, start, open, kill, restart, keys } = quorumPerTest();

  it("teaches a hold to a node that forgot it, when it is renewed", async () => {
    await start();
    const locks = await open();
    const hold = await locks.acquire(request("a"));
    await restart(2);
    await until(async () => {
      await locks.renew("a", hold.token);
      return (await keys("a")).join("") === "111";
    });
    expect(await bare[2]?.get("a")).toBe(hold.token);
    expect(await bare[2]?.hget("dcs:lock:{a}:state", "fence")).toBe(String(hold.fence));
  });

  describe("when a node forgets", () => {
    it("does not let another have the lock meanwhile, and says which nodes are young and until when", async () => {
      await start();
      const url = quorumUrl(servers, 0, "max-ttl=2s");
      const locks = await open(url);
      const ask = request("a", { ttlMs: 2000 });
      await expect(locks.acquire(ask)).rejects.toMatchObject({
        code: "NODES_YOUNG",
        exitCode: 5,
        hint: expect.stringContaining("young=count"),
        details: {
          maxTtlMs: 2000,
          young: servers.map(({ port }) => expect.objectContaining({ node: `127.0.0.1:${port}` })),
        },
      });
      expect((await keys("a")).join("")).toBe("000");
      await until(
        async () => locks.acquire(request("warm", { ttlMs: 100 })).then(Boolean, () => false),
        20_000,
        50,
      );
      await kill(2);
      const hold = await locks.acquire(ask);
      await restart(0);
      await restart(2);
      const others = await open(url);
      await expect(others.acquire(ask)).rejects.toMatchObject({ code: "NODES_YOUNG" });
      let next = null;
      await until(async () => {
        next = await others.acquire(ask).catch(() => null);
        return next !== null;
      }, 20_000);
      expect(systemClock.monotonic()).toBeGreaterThan(hold.deadline);
      expect(next).toMatchObject({ name: "a" });
      await expect(locks.acquire(request("b", { ttlMs: 2001 }))).rejects.toMatchObject({
        code: "TTL_INVALID",
      });
    });

    it("would let two have it if young nodes counted", async () => {
      await start();
      const locks = await open();
      await kill(2);
      const hold = await locks.acquire(request("a", { ttlMs: 5000 }));
      await restart(0);
      await restart(2);
      const others = await open();
      await others.acquire(request("a"));
      expect(systemClock.monotonic()).toBeLessThan(hold.deadline);
    });
  });
});
