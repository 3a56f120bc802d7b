import { Keyspace } from "../../store/etcd/codec.ts";
import { NoEndpoint } from "../../store/etcd/endpoints.ts";
import { type EtcdAddress, parseEtcdUrl } from "../../store/etcd/etcd-url.ts";
import { loadRpc, type Request, type Response, type RpcClients, type Unary } from "../../store/etcd/rpc.ts";
import { RpcFailure } from "../../store/etcd/rpc-failure.ts";
import { toStoreError } from "../../store/etcd/store-errors.ts";
import { redact } from "../../util/redact.ts";
import type { Call, Driver, DriverShare } from "./driver.ts";
import { type EtcdOperation, parseEtcdOperation } from "./etcd-operation.ts";
import { grpcStatusName } from "./grpc-status.ts";
import { numbering } from "./request-numbers.ts";
import { sizeOf } from "./size-of.ts";
import { asTargetError, CONNECT_TIMEOUT_MS } from "./target-error.ts";

export interface EtcdDriverOptions {
  readonly url: string;
  /** See parseEtcdOperation; null for its default. */
  readonly operation: string | null;
  readonly share: DriverShare;
  readonly workers: number;
}

/** A connection to one of the endpoints. */
interface Channel {
  readonly endpoint: string;
  readonly clients: RpcClients;
}

/** One call of etcd as it is sent. */
type Asked = { readonly [M in "range" | "put"]: { readonly method: M; readonly request: Request<M> } }[
  | "range"
  | "put"];

/**
 * Reads and writes of etcd. Calls take turns over the connections, which are spread over the endpoints, one to each unless said
 * otherwise; any number of calls is under way on one, as HTTP/2 lets them. Reads are linearizable. Nothing is sent twice, or to another endpoint.
 */
export class EtcdDriver implements Driver {
  readonly #channels: readonly Channel[];
  readonly #address: EtcdAddress;
  readonly #next: () => Asked;
  readonly #calls = new Set<{ cancel(): void }>();
  #token: string | null = null;
  #turn = 0;
  #isLoggingIn = false;
  #isClosed = false;

  /** Connects. USAGE for the operation, URL_INVALID, FILE_INVALID; BENCH_UNREACHABLE when no endpoint answers; PERMISSION_DENIED. */
  static async open({ url, operation, share, workers }: EtcdDriverOptions): Promise<EtcdDriver> {
    const operationOf = parseEtcdOperation(operation);
    try {
      const address = parseEtcdUrl(url);
      const connect = await loadRpc(address.tls);
      const { endpoints } = address;
      const count = share.connections ?? endpoints.length;
      const channels = Array.from({ length: count }, (_, i) => {
        // Not all workers begin with the same one.
        const endpoint = endpoints[(i + share.worker) % endpoints.length] ?? "";
        return { endpoint, clients: connect(endpoint) };
      });
      const numbers = numbering({ worker: share.worker, workers });
      const keys = new Keyspace(address.prefix);
      const driver = new EtcdDriver(channels, address, () => asked(operationOf(numbers()), keys));
      try {
        await driver.#begin(asked(operationOf({ n: 0, r: 0 }), keys));
      } catch (error) {
        await driver.close();
        throw toStoreError(error, { url: address.shown, user: address.user, timeoutMs: CONNECT_TIMEOUT_MS });
      }
      return driver;
    } catch (error) {
      throw asTargetError(error, redact(url));
    }
  }

  private constructor(channels: readonly Channel[], address: EtcdAddress, next: () => Asked) {
    this.#channels = channels;
    this.#address = address;
    this.#next = next;
  }

  send(call: Call): void {
    const channel = this.#channels[this.#turn];
    if (channel === undefined || this.#isClosed) return;
    this.#turn = (this.#turn + 1) % this.#channels.length;
    const { method, request } = this.#next();
    call.began();
    const sent = channel.clients.unary(method, request, this.#token, (error, answer) => {
      if (!this.#calls.delete(sent)) return;
      if (error === null) call.ok(sizeOfAnswer(answer));
      else this.#failed(call, failureOf(channel.endpoint, error));
    });
    this.#calls.add(sent);
    call.cancel = () => {
      if (this.#calls.delete(sent)) sent.cancel();
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const sent of this.#calls) sent.cancel();
    this.#calls.clear();
    for (const { clients } of this.#channels) clients.channel.close();
  }

  #failed(call: Call, failure: RpcFailure): void {
    // The requests after it have the new one.
    if (this.#address.user !== null && failure.needsNewToken) this.#logInAgain();
    const why = failure.why || grpcStatusName(failure.code);
    call.failed(grpcStatusName(failure.code), redact(`${failure.endpoint}: ${why}`));
  }

  /** Connects everything, logs in, and reads once, to learn whether it may. Rejects when no endpoint can be used. */
  async #begin(first: Asked): Promise<void> {
    const ready = await Promise.allSettled(this.#channels.map((channel) => ask(channel, "status", {}, null)));
    const failures = ready.flatMap((each) => (each.status === "rejected" ? [each.reason as RpcFailure] : []));
    if (failures.length === ready.length) throw new NoEndpoint(oneEach(failures), true);
    await this.#logIn();
    await this.#tryRead(first);
  }

  async #logIn(): Promise<void> {
    const { user: name, password } = this.#address;
    if (name === null) return;
    try {
      // With a token that is not valid, the server would not even look at the password.
      this.#token = (await this.#askAny("authenticate", { name, password }, null)).token;
    } catch (error) {
      if (!(error instanceof RpcFailure && error.isAuthOff)) throw error;
    }
  }

  #logInAgain(): void {
    if (this.#isLoggingIn || this.#isClosed) return;
    this.#isLoggingIn = true;
    this.#logIn()
      .catch(() => {})
      .finally(() => {
        this.#isLoggingIn = false;
      });
  }

  /** Who may only write is let through: the writes will show it. */
  async #tryRead({ method, request }: Asked): Promise<void> {
    const { key } = request;
    try {
      const range = method === "range" ? { ...request, limit: "1" } : { ...(key && { key }) };
      await this.#askAny("range", range, this.#token);
    } catch (error) {
      const mayWrite = method === "put" && this.#address.user !== null;
      if (!(mayWrite && error instanceof RpcFailure && error.isDenial)) throw error;
    }
  }

  /** The first answer of any endpoint; rejects with what one of them said. */
  async #askAny<M extends keyof Unary>(
    method: M,
    request: Request<M>,
    token: string | null,
  ): Promise<Response<M>> {
    const byEndpoint = new Map(this.#channels.map((channel) => [channel.endpoint, channel]));
    const asked = [...byEndpoint.values()].map((channel) => ask(channel, method, request, token));
    try {
      return await Promise.any(asked);
    } catch (error) {
      const failures = (error as AggregateError).errors as readonly RpcFailure[];
      // What was answered says more than that somebody did not answer.
      throw failures.find(({ outcome }) => outcome === "refused") ?? failures[0];
    }
  }
}

function asked(operation: EtcdOperation, keys: Keyspace): Asked {
  switch (operation.verb) {
    case "get":
      return { method: "range", request: { key: keys.key(operation.key) } };
    case "range":
      return { method: "range", request: keys.range(operation.key) };
    case "put":
      return {
        method: "put",
        request: { key: keys.key(operation.key), value: Buffer.from(operation.value) },
      };
  }
}

/** One call with a limit of time, for what is done before the benchmark. Rejects with a RpcFailure. */
function ask<M extends keyof Unary>(
  { endpoint, clients }: Channel,
  method: M,
  request: Request<M>,
  token: string | null,
): Promise<Response<M>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => sent.cancel(), CONNECT_TIMEOUT_MS);
    const sent = clients.unary(method, request, token, (error, answer) => {
      clearTimeout(timer);
      if (error === null && answer !== undefined) resolve(answer);
      else reject(failureOf(endpoint, error));
    });
  });
}

function failureOf(endpoint: string, error: unknown): RpcFailure {
  const { code, details } = error as { readonly code?: unknown; readonly details?: unknown };
  return new RpcFailure(endpoint, typeof code === "number" ? code : 2, String(details ?? error));
}

/** Connections to the same endpoint fail alike. */
function oneEach(failures: readonly RpcFailure[]): readonly RpcFailure[] {
  return [...new Map(failures.map((failure) => [failure.endpoint, failure])).values()];
}

function sizeOfAnswer(answer: Response<"range"> | Response<"put"> | undefined): number {
  let size = 0;
  if (answer === undefined || !("kvs" in answer)) return size;
  for (const { key, value } of answer.kvs) size += sizeOf(key) + sizeOf(value);
  return size;
}
