import { Redis } from "ioredis";
import { afterEach } from "vitest";
import type { AcquireRequest, LockDriver } from "../../../src/core/lock/lock.ts";
import { openLocks } from "../../../src/core/lock/open-locks.ts";
import { FaultyProxy } from "../../support/proxy.ts";
import { type RedisServer, startRedis } from "../../support/redis.ts";
import { quorumUrl, startQuorum } from "../../support/redis-quorum.ts";

const HOLDER = { host: "elsewhere", pid: 1, command: "test" };

/** A hold of 30 s that does not wait. */
export function request(name: string, over: Partial<AcquireRequest> = {}): AcquireRequest {
  return { name, ttlMs: 30_000, waitMs: 0, holder: HOLDER, detached: false, ...over };
}

/** Independent Redis servers and clients of each, for the test that runs once it calls `start`; ended after it. */
export function quorumPerTest() {
  const opened: AsyncDisposable[] = [];
  const servers: RedisServer[] = [];
  const bare: Redis[] = [];

  const start = async (nodes = 3) => {
    servers.push(...(await startQuorum(nodes)).servers);
    bare.push(...servers.map(({ port }) => clientOf(port)));
  };

  const clientOf = (port: number) => {
    const client = new Redis(port, "127.0.0.1", { retryStrategy: () => 50 });
    client.on("error", () => {});
    return client;
  };

  const open = async (url = quorumUrl(servers), timeoutMs = 2000): Promise<LockDriver> => {
    const locks = await openLocks({ url, timeoutMs, stateDir: "/nonexistent" });
    opened.push(locks);
    return locks;
  };

  const proxies = async () => {
    const started = await Promise.all(servers.map(({ port }) => FaultyProxy.start(port)));
    opened.push(...started);
    return started;
  };

  const kill = (node: number) => servers[node]?.stop();

  /** Again on the same port, with nothing of what it knew. */
  const restart = async (node: number) => {
    const port = servers[node]?.port;
    await kill(node);
    const again = await startRedis([], port);
    servers[node] = again;
    return again;
  };

  const keys = async (name: string) => Promise.all(bare.map((client) => client.exists(name)));

  afterEach(async () => {
    for (const client of bare.splice(0)) client.disconnect();
    for (const each of opened.splice(0)) await each[Symbol.asyncDispose]();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  return { servers, bare, start, clientOf, open, proxies, kill, restart, keys };
}
