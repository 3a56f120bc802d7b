import type { Engine, EngineName } from "./engine.ts";
import { etcdEngine } from "./engines/etcd.ts";
import { mariadbEngine } from "./engines/mariadb.ts";
import { redisEngine } from "./engines/redis.ts";

export const ENGINES: Readonly<Record<EngineName, Engine>> = {
  etcd: etcdEngine,
  redis: redisEngine,
  mariadb: mariadbEngine,
};

/** What the servers of an engine are for, as a context says it. */
export const CONTEXT_KEY = { etcd: "store", redis: "locks", mariadb: "journal" } as const;

/** Where clients reach a server. */
export function urlOf(server: { readonly engine: EngineName; readonly ports: readonly number[] }): string {
  return ENGINES[server.engine].url(server.ports[0] ?? 0);
}
