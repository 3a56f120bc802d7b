import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { checkServerIdentity, getCACertificates } from "node:tls";
import type {
  Channel,
  ChannelCredentials,
  ChannelOptions,
  ClientDuplexStream,
  Metadata,
} from "@grpc/grpc-js";
import type * as etcd from "etcd3";
import { DcsError } from "../../errors.ts";
import type { EtcdTls } from "./etcd-url.ts";

/** The unary calls dcs makes: request and response of each. int64 fields are decimal strings in responses. */
export interface Unary {
  readonly range: readonly [etcd.IRangeRequest, etcd.IRangeResponse];
  readonly put: readonly [etcd.IPutRequest, etcd.IPutResponse];
  readonly txn: readonly [etcd.ITxnRequest, etcd.ITxnResponse];
  readonly leaseGrant: readonly [etcd.ILeaseGrantRequest, etcd.ILeaseGrantResponse];
  readonly leaseRevoke: readonly [etcd.ILeaseRevokeRequest, etcd.ILeaseRevokeResponse];
  readonly leaseTimeToLive: readonly [etcd.ILeaseTimeToLiveRequest, etcd.ILeaseTimeToLiveResponse];
  readonly leaseLeases: readonly [etcd.ILeaseLeasesRequest, etcd.ILeaseLeasesResponse];
  readonly authenticate: readonly [etcd.IAuthenticateRequest, etcd.IAuthenticateResponse];
  readonly status: readonly [etcd.IStatusRequest, etcd.IStatusResponse];
}

/** The streams dcs opens. */
export interface Streams {
  readonly watch: readonly [etcd.IWatchRequest, etcd.IWatchResponse];
  readonly leaseKeepAlive: readonly [etcd.ILeaseKeepAliveRequest, etcd.ILeaseKeepAliveResponse];
}

export type Request<M extends keyof Unary> = Unary[M][0];
export type Response<M extends keyof Unary> = Unary[M][1];
export type RpcStream<S extends keyof Streams> = ClientDuplexStream<Streams[S][0], Streams[S][1]>;

const SERVICES = {
  range: "KV",
  put: "KV",
  txn: "KV",
  leaseGrant: "Lease",
  leaseRevoke: "Lease",
  leaseTimeToLive: "Lease",
  leaseLeases: "Lease",
  authenticate: "Auth",
  status: "Maintenance",
  watch: "Watch",
  leaseKeepAlive: "Lease",
} as const satisfies Record<keyof Unary | keyof Streams, keyof typeof etcd.Services>;

const OPTIONS: ChannelOptions = {
  // Channels to one address would share a connection, also one that is half-open and to be replaced.
  "grpc.use_local_subchannel_pool": 1,
  // Nothing is sent twice without our knowing.
  "grpc.enable_retries": 0,
  // A store inside the data centre is not behind the proxy that http_proxy names.
  "grpc.enable_http_proxy": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.max_receive_message_length": -1,
  // etcd closes connections that ping more often than every 5 s; ours notice a silent server within 9 s.
  "grpc.keepalive_time_ms": 6000,
  "grpc.keepalive_timeout_ms": 3000,
  // grpc-js would wait up to two minutes for a server that is back after one second.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1000,
};

/** The method calls of a client that etcd3 makes of etcd's proto file. */
type Methods = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

/** The gRPC clients of one endpoint over one connection. */
export interface RpcClients {
  readonly channel: Channel;
  /** `token` is what Auth.authenticate returned, if anything. Calls `done` once, with a gRPC ServiceError or null. */
  unary<M extends keyof Unary>(
    method: M,
    request: Request<M>,
    token: string | null,
    done: (error: (Error & { code: number; details: string }) | null, response?: Response<M>) => void,
  ): { cancel(): void };
  stream<S extends keyof Streams>(method: S, token: string | null): RpcStream<S>;
}

/** Makes clients for `host:port`; each call opens a connection of its own. */
export type RpcFactory = (endpoint: string) => RpcClients;

/**
 * The one file that knows etcd3 and grpc-js. Of etcd3 only the clients it makes of etcd's proto file are used, without
 * its pool: that retries writes three times, closes the connection under calls that are well when one of them fails,
 * and keeps the process alive for a second after close.
 */
export async function loadRpc(tls: EtcdTls | null): Promise<RpcFactory> {
  const [{ default: grpc }, { default: pool }, files] = await Promise.all([
    import("@grpc/grpc-js"),
    import("etcd3/lib/connection-pool.js"),
    readTlsFiles(tls),
  ]);
  const metadataOf = remember((token: string | null) => metadata(new grpc.Metadata(), token));
  return (endpoint) => {
    const name = hostOf(endpoint);
    const credentials =
      tls === null
        ? grpc.credentials.createInsecure()
        : secureCredentials(grpc.credentials.createSsl, files, tls.serverName ?? name);
    // SNI may not be an address; what the certificate must say is checked against the address all the same.
    const sni =
      tls === null ? {} : { "grpc.ssl_target_name_override": tls.serverName ?? (isIP(name) ? "etcd" : name) };
    const options = { ...OPTIONS, ...sni };
    const channel = new grpc.Channel(endpoint, credentials, options);
    const host = new pool.Host(endpoint, credentials, { ...options, channelOverride: channel });
    const call = (method: keyof typeof SERVICES, ...args: readonly unknown[]) =>
      (host.getServiceClient(SERVICES[method]) as unknown as Methods)[method]?.(...args);
    return {
      channel,
      unary: (method, request, token, done) =>
        call(method, request, metadataOf(token), {}, done) as { cancel(): void },
      stream: <S extends keyof Streams>(method: S, token: string | null) =>
        call(method, metadataOf(token), {}) as RpcStream<S>,
    };
  };
}

/** A member cut off from its cluster must end our streams instead of staying silent. */
function metadata(empty: Metadata, token: string | null): Metadata {
  empty.set("hasleader", "true");
  if (token !== null) empty.set("token", token);
  return empty;
}

function remember<T>(make: (token: string | null) => T): (token: string | null) => T {
  let last: { readonly token: string | null; readonly made: T } | null = null;
  return (token) => {
    if (last === null || last.token !== token) last = { token, made: make(token) };
    return last.made;
  };
}

interface TlsFiles {
  readonly ca: Buffer | null;
  readonly cert: Buffer | null;
  readonly key: Buffer | null;
}

function secureCredentials(
  createSsl: typeof import("@grpc/grpc-js").credentials.createSsl,
  files: TlsFiles,
  name: string,
): ChannelCredentials {
  try {
    return createSsl(
      files.ca ?? Buffer.from(getCACertificates("default").join("\n")),
      files.key,
      files.cert,
      {
        checkServerIdentity: (_sni, certificate) => checkServerIdentity(name, certificate),
      },
    );
  } catch (error) {
    throw new DcsError("FILE_INVALID", `the TLS files of the store cannot be used: ${messageOf(error)}`, {
      cause: error,
      hint: "ca=, cert= and key= of the store's URL must name PEM files that belong together",
    });
  }
}

async function readTlsFiles(tls: EtcdTls | null): Promise<TlsFiles> {
  const read = async (path: string | null) => {
    if (path === null) return null;
    try {
      return await readFile(path);
    } catch (error) {
      throw new DcsError(
        "FILE_INVALID",
        `${path}, named by the store's URL, cannot be read: ${messageOf(error)}`,
        {
          cause: error,
          details: { path },
        },
      );
    }
  };
  const [ca, cert, key] = await Promise.all([
    read(tls?.ca ?? null),
    read(tls?.cert ?? null),
    read(tls?.key ?? null),
  ]);
  return { ca, cert, key };
}

function hostOf(endpoint: string): string {
  return endpoint.slice(0, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
