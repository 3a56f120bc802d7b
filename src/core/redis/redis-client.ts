import { isIP } from "node:net";
import type { Cluster, ClusterOptions, Redis, RedisOptions } from "ioredis";
import { type BackoffPolicy, backoffDelay } from "../util/backoff.ts";
import { type Clock, sleep } from "../util/clock.ts";
import type { ClusterTarget, RedisAddress, RedisTarget, SentinelTarget } from "./redis-url.ts";

export type RedisClient = Redis | Cluster;

const RECONNECT = { initialMs: 50, factor: 2, maxMs: 1000 };
/** A server that starts says LOADING until its data are read. */
const LOADING: BackoffPolicy = { initialMs: 20, factor: 2, maxMs: 500 };
/** How often a client of a Cluster looks which server has which slots, besides when one says MOVED. */
const SLOTS_MS = 2000;

export interface ClientOptions {
  readonly timeoutMs: number;
  /** False: a connection that broke stays broken, for its owner to notice. */
  readonly reconnect: boolean;
}

/** A client of ioredis that is not connected yet, with options fit for locks: see RedisConnection. */
export async function newClient(
  target: Exclude<RedisTarget, { readonly kind: "quorum" }>,
  options: ClientOptions,
): Promise<RedisClient> {
  const { Cluster: ClusterClient, Redis: Client } = await import("ioredis");
  if (target.kind === "cluster")
    return new ClusterClient([...target.servers], clusterOptions(target, options));
  const [server] = target.servers;
  if (server === undefined) throw new Error("no server");
  return new Client(
    target.kind === "single"
      ? serverOptions(target.address, options)
      : sentinelOptions(target, server, options),
  );
}

/** Resolves when the client is ready, rejects with the server's or the system's own word. */
export async function connectClient(client: RedisClient, clock: Clock, signal: AbortSignal): Promise<void> {
  await connected(client);
  if ("nodes" in client) await connectMasters(client);
  await untilAnswers(client, clock, signal);
}

/**
 * Connects to every master, now and whenever there is a new one. By itself ioredis connects with the first request, and
 * refuses a second one meanwhile. A master that is down is no reason to refuse the others.
 */
async function connectMasters(cluster: Cluster): Promise<void> {
  const open = async (node: Redis) => {
    if (node.status === "wait" && node.options.readOnly !== true) await node.connect().catch(() => {});
  };
  cluster.on("+node", (node: Redis) => void open(node));
  await Promise.all(cluster.nodes("master").map(open));
}

/**
 * Resolves when the client is connected, rejects with the server's or the system's own word. Behind Sentinels a master that
 * refuses is one that another will take over from, and the client tries again; when `patient`, whatever was said.
 */
export async function connected(client: RedisClient, patient = false): Promise<void> {
  const said = Promise.withResolvers<never>();
  const passes = /^connect ECONNREFUSED|ECONNRESET|^Connection is closed/;
  const onError = (error: Error) => {
    if (isBehindSentinels(client) && (patient || passes.test(error.message))) return;
    // What a Cluster says of one of its servers is behind its own word that none can be used.
    said.reject(lastNodeError(error) ?? error);
  };
  const ready = Promise.withResolvers<void>();
  client.on("error", onError);
  client.once("ready", ready.resolve);
  try {
    // Its promise rejects with the first failure, after which it may still be tried again.
    client.connect().catch(onError);
    await Promise.race([ready.promise, said.promise]);
  } finally {
    client.off("error", onError);
    client.off("ready", ready.resolve);
    said.promise.catch(() => {});
  }
}

function isBehindSentinels(client: RedisClient): boolean {
  return (
    "sentinels" in client.options &&
    client.options.sentinels !== null &&
    client.options.sentinels !== undefined
  );
}

function lastNodeError(error: Error): Error | null {
  const last = "lastNodeError" in error ? error.lastNodeError : null;
  return last instanceof Error ? last : null;
}

/**
 * Resolves once the server answers questions. In place of ioredis's own check, which asks INFO: it prints a warning where
 * an ACL forbids that, and fails where it is renamed. Who may not PING may still lock.
 */
async function untilAnswers(client: RedisClient, clock: Clock, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await client.ping();
      return;
    } catch (error) {
      const said = isReplyError(error) ? error.message : "";
      if (/^(NOPERM|ERR unknown command)/.test(said)) return;
      if (!said.startsWith("LOADING")) throw error;
      await sleep(clock, backoffDelay(LOADING, attempt), signal);
    }
  }
}

/** True for what the server itself said. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}

/**
 * True when nothing was run: the server refused before it ran anything, or the request was never sent. So it may be sent
 * again, to whoever is the master by then.
 */
export function notRun(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { message } = error;
  if (isReplyError(error)) return /^(CLUSTERDOWN|TRYAGAIN|LOADING|MASTERDOWN)|READONLY/.test(message);
  return /enableOfflineQueue options is false|^Failed to refresh slots cache|^None of startup nodes/.test(
    message,
  );
}

type Legacy<T> = T & { readonly replyMapping: "legacy" };

function commonOptions({ timeoutMs }: ClientOptions): Legacy<RedisOptions> {
  return {
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    connectTimeout: timeoutMs,
    keepAlive: 10_000,
    // A server that does not end its side must not keep the process.
    disconnectTimeout: 100,
    connectionName: "dcs",
    replyMapping: "legacy",
  };
}

/**
 * A password alone is that of the user `default`, as in Redis itself. It is named, because ioredis prints a warning of its own
 * where a server wants no password and is given one without a user.
 */
function logIn(
  username: string | null,
  password: string | null,
): Pick<RedisOptions, "username" | "password"> {
  if (password === null) return username === null ? {} : { username };
  return { username: username ?? "default", password };
}

function loginOptions(address: RedisAddress): Pick<RedisOptions, "username" | "password" | "tls"> {
  return {
    ...logIn(address.username, address.password),
    // SNI may not be an address; the certificate is checked against the host all the same.
    ...(address.tls ? { tls: isIP(address.host) ? {} : { servername: address.host } } : {}),
  };
}

function serverOptions(address: RedisAddress, options: ClientOptions): Legacy<RedisOptions> {
  return {
    ...commonOptions(options),
    ...loginOptions(address),
    host: address.host,
    port: address.port,
    db: address.database,
    enableOfflineQueue: false,
    retryStrategy: (attempt) => (options.reconnect ? Math.max(1, backoffDelay(RECONNECT, attempt)) : null),
  };
}

function sentinelOptions(
  target: SentinelTarget,
  server: RedisAddress,
  options: ClientOptions,
): Legacy<RedisOptions> {
  const { tls } = server;
  return {
    ...commonOptions(options),
    ...loginOptions(server),
    // The certificate is that of whoever is the master.
    ...(tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
    sentinels: target.servers.map(({ host, port }) => ({ host, port })),
    name: target.master,
    db: target.database,
    ...sentinelLogIn(target),
    // Without one, the client ends for ever when no Sentinel answers once. Its failoverDetector does so as well, when it hears
    // of the failover while it connects; RedisConnection leaves a master that is silent.
    sentinelRetryStrategy: (attempt) => Math.max(1, backoffDelay(RECONNECT, attempt)),
    sentinelCommandTimeout: Math.min(options.timeoutMs, 1000),
    enableOfflineQueue: false,
    retryStrategy: (attempt) => Math.max(1, backoffDelay(RECONNECT, attempt)),
    // The old master is a replica now: leave it. The call itself fails, and RedisConnection sends it again.
    reconnectOnError: (error) => (error.message.includes("READONLY") ? 1 : false),
  };
}

function sentinelLogIn(target: SentinelTarget): Pick<RedisOptions, "sentinelUsername" | "sentinelPassword"> {
  const { username, password } = logIn(target.sentinelUsername, target.sentinelPassword);
  return {
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
  };
}

function clusterOptions(
  target: ClusterTarget,
  options: ClientOptions,
): ClusterOptions & { redisOptions: Legacy<RedisOptions> } {
  const [server] = target.servers;
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    // A request whose fate is not known is never sent again, and nothing waits in a queue of the client.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 0,
    slotsRefreshTimeout: Math.min(options.timeoutMs, 1000),
    slotsRefreshInterval: SLOTS_MS,
    clusterRetryStrategy: (attempt) => Math.max(1, backoffDelay(RECONNECT, attempt)),
    redisOptions: { ...commonOptions(options), ...(server === undefined ? {} : loginOptions(server)) },
  };
}
