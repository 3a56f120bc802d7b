import { readFile } from "node:fs/promises";
import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import type { EtcdAddress } from "../../store/etcd/etcd-url.ts";

/** What one etcd server answered over HTTP. */
export interface EtcdAnswer {
  readonly status: number;
  readonly body: string;
  /** The server's clock, epoch ms in whole seconds; null when it did not say. */
  readonly date: number | null;
  /** Our clock when the question was sent and when the answer's head came, epoch ms. */
  readonly sent: number;
  readonly received: number;
}

/** Asks one server of the cluster; rejects with the socket's Error, or one that says that no answer came. */
export type EtcdAsk = (path: string, body?: object, token?: string | null) => Promise<EtcdAnswer>;

/**
 * Questions that no client library has a call for: etcd answers them on its client port, `/version`, `/health` and
 * `/metrics` as pages, the API as JSON under `/v3/` (its gRPC gateway, on unless it was turned off).
 */
export async function etcdHttp(
  address: EtcdAddress,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<(endpoint: string) => EtcdAsk> {
  const { tls } = address;
  const read = async (path: string | null) => (path === null ? {} : { pem: await readFile(path) });
  const [ca, cert, key] = await Promise.all([
    read(tls?.ca ?? null),
    read(tls?.cert ?? null),
    read(tls?.key ?? null),
  ]);
  const secrets = {
    ...("pem" in ca ? { ca: ca.pem } : {}),
    ...("pem" in cert ? { cert: cert.pem } : {}),
    ...("pem" in key ? { key: key.pem } : {}),
    ...(tls?.serverName ? { servername: tls.serverName } : {}),
  };
  return (endpoint) => (path, body, token) => {
    const headers = {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token ? { authorization: token } : {}),
    };
    const options = { method: body === undefined ? "GET" : "POST", agent: false, headers, signal };
    return new Promise((resolve, reject) => {
      const sent = Date.now();
      const call =
        tls === null
          ? plainRequest(`http://${endpoint}${path}`, options)
          : secureRequest(`https://${endpoint}${path}`, { ...options, ...secrets });
      const timer = setTimeout(
        () => call.destroy(new Error(`no answer within ${Math.round(timeoutMs)} ms`)),
        timeoutMs,
      );
      call.on("close", () => clearTimeout(timer));
      call.on("error", reject);
      call.on("response", (response) => {
        const received = Date.now();
        const date = Date.parse(response.headers.date ?? "");
        response.setEncoding("utf8");
        response.toArray().then(
          (parts) =>
            resolve({
              status: response.statusCode ?? 0,
              body: parts.join(""),
              date: Number.isNaN(date) ? null : date,
              sent,
              received,
            }),
          reject,
        );
      });
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  };
}

/** The answer's JSON object; null when it is an error or no JSON. */
export function jsonOf({ status, body }: EtcdAnswer): Readonly<Record<string, unknown>> | null {
  if (status !== 200) return null;
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}
