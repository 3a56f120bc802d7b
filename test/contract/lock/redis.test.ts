import { afterAll, beforeAll } from "vitest";
import { openLocks } from "../../../src/core/lock/open-locks.ts";
import { type RedisServer, startRedis } from "../../support/redis.ts";
import { lockContract } from "./lock-contract.ts";

let server: RedisServer;
let database = 0;

beforeAll(async () => {
  server = await startRedis(["--databases", "1000"]);
});

afterAll(() => server.stop());

lockContract("redis", async () => {
  const url = `${server.url}/${database++}`;
  return {
    open: () => openLocks({ url, timeoutMs: 10_000, stateDir: "/nonexistent" }),
    destroy: async () => {},
  };
});
