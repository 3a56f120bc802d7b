import { Redis } from "ioredis";
import { type RedisServer, startRedis } from "./redis.ts";
import { until } from "./until.ts";

/** Three masters of a Redis Cluster of the test's own; their URL names the first alone. */
export interface ClusterSetUp {
  readonly url: string;
  readonly masters: readonly RedisServer[];
  /** One command on one master. */
  call(master: number, command: string, ...args: readonly (string | number)[]): Promise<unknown>;
  stop(): Promise<void>;
}

const SHARES = [
  [0, 5460],
  [5461, 10_922],
  [10_923, 16_383],
] as const;

export async function startCluster(): Promise<ClusterSetUp> {
  const masters: RedisServer[] = [];
  const clients: Redis[] = [];
  const stop = async () => {
    for (const client of clients) client.disconnect();
    for (const server of masters) await server.stop();
  };
  try {
    await form(masters, clients);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis+cluster://127.0.0.1:${masters[0]?.port}`,
    masters,
    call: async (master, command, ...args) => clients[master]?.call(command, ...args),
    stop,
  };
}

/** Starts the masters, each with its share of the slots, and waits until they all know each other. */
async function form(masters: RedisServer[], clients: Redis[]): Promise<void> {
  for (const [from, to] of SHARES) {
    const server = await startRedis([
      ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"],
      ...["--cluster-node-timeout", "2000"],
    ]);
    masters.push(server);
    const client = new Redis(server.port, "127.0.0.1", { replyMapping: "legacy" });
    clients.push(client);
    client.on("error", () => {});
    // The range command came with version 7.
    const slots = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    await client.call("CLUSTER", "ADDSLOTS", ...slots);
    await client.call("CLUSTER", "SET-CONFIG-EPOCH", masters.length);
  }
  const [first] = masters;
  if (first === undefined) throw new Error("no master");
  for (const client of clients.slice(1)) await client.call("CLUSTER", "MEET", "127.0.0.1", first.port);
  for (const client of clients) {
    await until(
      async () => String(await client.call("CLUSTER", "INFO")).includes("cluster_state:ok"),
      20_000,
      50,
    );
    await until(
      async () => String(await client.call("CLUSTER", "NODES")).match(/ connected /g)?.length === 3,
      20_000,
    );
  }
}
