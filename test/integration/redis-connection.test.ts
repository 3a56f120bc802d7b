import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { RedisConnection } from "../../src/core/redis/redis-connection.ts";
import { systemClock } from "../../src/core/util/clock.ts";
import { runDcs } from "../support/cli.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { sandbox } from "../support/start-dcs.ts";

const servers: RedisServer[] = [];

async function start(...args: readonly string[]): Promise<RedisServer> {
  const server = await startRedis(args);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe("the connection to Redis", () => {
  // ioredis's own ready check asks INFO: forbidden, it warns on stderr; renamed, it never connects.
  it.each([
    ["forbidden", "app:pw@", "--user app on >pw ~* &* +@all -info -ping".split(" ")],
    ["renamed", "", ["--rename-command", "INFO", "", "--rename-command", "PING", ""]],
  ])("locks where INFO and PING are %s, without a word of it", async (_, user, args) => {
    const { port } = await start(...args);
    const run = await runDcs([
      ...["lock", "acquire", "a", "--locks", `redis://${user}127.0.0.1:${port}`],
      ...["--ttl", "60s", "--json"],
    ]);
    expect(run).toMatchObject({ code: 0, stderr: "" });
  });

  it("waits for a server that loads its data", async () => {
    using box = sandbox();
    const first = await start("--dir", box.dir, "--rdbcompression", "no");
    const client = new Redis(first.port);
    for (let i = 0; i < 50; i++) await client.set(`key-${i}`, "x".repeat(2000));
    await client.save();
    client.disconnect();
    await first.stop();

    // 20 ms a key: a second in all.
    const slow = ["--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"];
    const loading = await startRedis(["--dir", box.dir, ...slow], undefined, { isLoaded: false });
    servers.push(loading);
    const { port, url } = loading;
    const eager = new Redis(port, { enableReadyCheck: false });
    await expect(eager.get("key-1")).rejects.toThrow(/LOADING/);
    eager.disconnect();
    await using connection = await RedisConnection.open(url, {
      clock: systemClock,
      timeoutMs: 20_000,
      scripts: {},
    });
    expect(await connection.call("DBSIZE")).toBe(50);
  });

  it("gives the server's own error where it refuses a call", async () => {
    const { url } = await start();
    await using connection = await RedisConnection.open(url, {
      clock: systemClock,
      timeoutMs: 5000,
      scripts: {},
    });
    await expect(connection.call("NONSENSE")).rejects.toMatchObject({ name: "ReplyError" });
  });

  it("ends the wait for an answer when its signal aborts, with the signal's reason", async () => {
    const { port } = await start();
    await using proxy = await FaultyProxy.start(port);
    const stop = new AbortController();
    await using connection = await RedisConnection.open(`redis://127.0.0.1:${proxy.port}`, {
      clock: systemClock,
      timeoutMs: 60_000,
      scripts: {},
      signal: stop.signal,
    });
    proxy.mode = "black-hole";
    const answer = connection.call("DBSIZE");
    stop.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
  });
});
