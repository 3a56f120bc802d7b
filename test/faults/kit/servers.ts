import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EtcdServer } from "../../support/etcd.ts";
import { type RedisServer, startRedis } from "../../support/redis.ts";
import { quorumUrl, startQuorum } from "../../support/redis-quorum.ts";
import { freeze } from "./processes.ts";

/** A real server, or several that are one backend, that can be made to fail. */
export interface FaultyServer {
  /** Of several: of the first. */
  readonly port: number;
  /** Its URL, where it (of several: the first) is reached at this port, such as a proxy's. */
  urlAt(port: number): string;
  /** kill -9 and a new start on the same port; with what it had written, or from nothing. */
  restart(options: { readonly keepData: boolean }): Promise<void>;
  /** Stops it with SIGSTOP for a time: connections stay, nothing is answered. */
  pause(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export async function faultyEtcd(): Promise<FaultyServer> {
  const server = await EtcdServer.start();
  return {
    port: server.port,
    urlAt: (port) => `etcd://127.0.0.1:${port}`,
    async restart({ keepData }) {
      await server.kill();
      if (!keepData) server.wipe();
      await server.start();
    },
    pause: (ms) => freeze(server.pid, ms),
    stop: () => server.stop(),
  };
}

/** One that writes every command to its file before it answers. */
export async function faultyRedis(): Promise<FaultyServer> {
  const dir = mkdtempSync(join(tmpdir(), "dcs-faulty-redis-"));
  const args = ["--dir", dir, "--appendonly", "yes", "--appendfsync", "always"];
  let server: RedisServer = await startRedis(args);
  const { port } = server;
  return {
    port,
    urlAt: (at) => `redis://127.0.0.1:${at}`,
    async restart({ keepData }) {
      await server.stop();
      if (!keepData) rmSync(join(dir, "appendonlydir"), { recursive: true, force: true });
      server = await startRedis(args, port);
    },
    pause: (ms) => freeze(server.process.pid ?? 0, ms),
    async stop() {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/**
 * A quorum of three Redis servers that keep nothing on disk, in which each fault meets the next of them in turn; a server that
 * started does not count for `maxTtl`.
 */
export async function faultyQuorum(maxTtl: string): Promise<FaultyServer> {
  const { servers: started } = await startQuorum(3);
  const servers = [...started];
  let turn = 0;
  const nextInTurn = () => turn++ % servers.length;
  return {
    port: servers[0]?.port ?? 0,
    urlAt: (port) => quorumUrl([{ port }, ...servers.slice(1)], 0, `max-ttl=${maxTtl}`),
    async restart({ keepData }) {
      if (keepData) throw new Error("these servers keep nothing");
      const node = nextInTurn();
      const port = servers[node]?.port;
      await servers[node]?.stop();
      servers[node] = await startRedis([], port);
    },
    pause: (ms) => freeze(servers[nextInTurn()]?.process.pid ?? 0, ms),
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
