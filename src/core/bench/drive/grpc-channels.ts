import { isIP } from "node:net";
import { checkServerIdentity, getCACertificates } from "node:tls";
import type { ChannelCredentials, ChannelOptions, Client } from "@grpc/grpc-js";

type Grpc = typeof import("@grpc/grpc-js");

/** Connectivity states of a channel. */
const READY = 2;
const TRANSIENT_FAILURE = 3;

const OPTIONS: ChannelOptions = {
  // Channels to one address would share a connection.
  "grpc.use_local_subchannel_pool": 1,
  // Nothing is sent twice.
  "grpc.enable_retries": 0,
  // The target itself is measured, not the proxy that http_proxy names.
  "grpc.enable_http_proxy": 0,
  "grpc.service_config_disable_resolution": 1,
  "grpc.max_receive_message_length": -1,
  // grpc-js would wait up to two minutes for a server that is back after one second.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1000,
};

export interface GrpcAddress {
  /** `host:port` */
  readonly address: string;
  readonly secure: boolean;
  /** Believe any certificate. */
  readonly insecure: boolean;
  /** PEM. */
  readonly ca: string | null;
}

/** A client with a connection of its own, which is made when it is first needed. */
export function openChannel(grpc: Grpc, { address, secure, insecure, ca }: GrpcAddress): Client {
  if (!secure) return new grpc.Client(address, grpc.credentials.createInsecure(), OPTIONS);
  const host = address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
  const credentials: ChannelCredentials = grpc.credentials.createSsl(
    Buffer.from(ca ?? getCACertificates("default").join("\n")),
    null,
    null,
    {
      rejectUnauthorized: !insecure,
      checkServerIdentity: (_sni, certificate) => checkServerIdentity(host, certificate),
    },
  );
  return new grpc.Client(address, credentials, {
    ...OPTIONS,
    // SNI may not be an address; what the certificate must say is checked against the address all the same.
    "grpc.ssl_target_name_override": isIP(host) === 0 ? host : "address",
  });
}

/** Resolves when a call can be sent at once; rejects with the error of grpc-js as soon as it is known that none can. */
export async function channelReady(grpc: Grpc, client: Client, signal: AbortSignal): Promise<void> {
  const channel = client.getChannel();
  for (;;) {
    signal.throwIfAborted();
    const state = channel.getConnectivityState(true);
    if (state === READY) return;
    // The channel does not say why; a call does, at once.
    if (state === TRANSIENT_FAILURE) await ask(grpc, client, signal);
    else await changed(channel, state, signal);
  }
}

function changed(
  channel: ReturnType<Client["getChannel"]>,
  state: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}

/** The standard health check, of which only the failure to send it is of interest. */
function ask({ Metadata, status }: Grpc, client: Client, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const none = () => Buffer.alloc(0);
    const path = "/grpc.health.v1.Health/Check";
    const call = client.makeUnaryRequest(path, none, none, null, new Metadata(), (error) => {
      signal.removeEventListener("abort", onAbort);
      if (error !== null && error.code === status.UNAVAILABLE) reject(error);
      else resolve();
    });
    const onAbort = () => call.cancel();
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
