import type { Client, Dispatcher } from "undici";
import { createPicker, type Picker } from "../../traffic/picker.ts";
import type { HttpRequestSpec } from "../bench-plan.ts";
import { type Call, type Driver, type DriverInstance, type DriverShare, NO_INSTANCE } from "./driver.ts";
import { HttpConnector } from "./http-connector.ts";
import { HttpLanes } from "./http-lanes.ts";
import { StatusTable } from "./status-table.ts";

export type Undici = typeof import("undici");

const CONNECT_TIMEOUT_MS = 10_000;
/** A request that waits for its connection runs out of its own time before that. */
const CONNECT_GRACE_MS = 500;
/** The server closes first; a connection that is opened anew for each request of a slow rate would be measured. */
const KEEP_ALIVE_MS = 600_000;

interface Candidate extends DriverInstance {
  readonly id: string;
}

export interface HttpDriverOptions {
  readonly request: HttpRequestSpec;
  readonly share: DriverShare;
  /** With query. */
  readonly path: string;
  /** Of a plain URL; null: the instances of a service, which `follow` tells. */
  readonly origin: string | null;
}

/** HTTP/1.1 and HTTP/2 by undici; to one origin, or to the instances of a service as the product's own balancer picks them. */
export class HttpDriver implements Driver {
  readonly #o: HttpDriverOptions;
  readonly #undici: Undici;
  readonly #lanes = new Map<string, HttpLanes>();
  readonly #picker: Picker<Candidate> = createPicker<Candidate>("wrr", []);
  readonly #only: HttpLanes | null;

  private constructor(undici: Undici, options: HttpDriverOptions) {
    this.#undici = undici;
    this.#o = options;
    this.#only = options.origin === null ? null : this.#lanesTo(options.origin);
  }

  static async open(options: HttpDriverOptions): Promise<HttpDriver> {
    return new HttpDriver(await import("undici"), options);
  }

  send(call: Call): void {
    if (this.#only !== null) {
      this.#only.send(call);
      return;
    }
    const instance = this.#picker.pick();
    if (instance === null) {
      call.instance = NO_INSTANCE;
      call.failed("no instance", "no ready instance of the service is registered");
      return;
    }
    call.instance = instance.index;
    this.#lanesTo(`http://${instance.endpoint}`).send(call);
  }

  follow(instances: readonly DriverInstance[]): void {
    this.#picker.update(instances.map((instance) => ({ ...instance, id: instance.endpoint })));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lanes) => lanes.close()));
  }

  #lanesTo(origin: string): HttpLanes {
    const known = this.#lanes.get(origin);
    if (known !== undefined) return known;
    const { request, share, path } = this.#o;
    const made = new HttpLanes({
      open: () => openClient(this.#undici, origin, request, share.requestTimeoutMs),
      shot: { options: dispatchOptions(path, request), okStatuses: new StatusTable(request.okStatuses) },
      connections: share.connections,
      streams: request.http2 ? request.streams : 1,
    });
    this.#lanes.set(origin, made);
    return made;
  }
}

/** What each request is, for undici. `path` with query. */
export function dispatchOptions(
  path: string,
  { method, headers, body }: HttpRequestSpec,
): Dispatcher.DispatchOptions {
  return {
    path,
    method: method as Dispatcher.HttpMethod,
    headers: headers.flat(),
    body: body === null ? null : Buffer.from(body),
    // undici would open a new connection after each HEAD, and that would be measured.
    reset: false,
  };
}

/** One connection of undici, which is made with the first request. */
export interface HttpConnection {
  readonly client: Client;
  /** Ends it at once, also while it is being made. */
  destroy(): Promise<void>;
}

/** `timeoutMs` is the limit of a request, after which nobody waits for its connection either. */
export function openClient(
  { Client, buildConnector }: Undici,
  origin: string,
  request: HttpRequestSpec,
  timeoutMs: number,
): HttpConnection {
  const { http2, streams, insecure, ca } = request;
  const limit = Math.min(timeoutMs + CONNECT_GRACE_MS, CONNECT_TIMEOUT_MS);
  const connector = new HttpConnector(buildConnector, { timeoutMs: limit, http2, insecure, ca });
  const client = new Client(origin, {
    pipelining: http2 ? streams : 1,
    allowH2: http2,
    ...(http2 ? { maxConcurrentStreams: streams } : {}),
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // The benchmark has one limit over all of a request.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: connector.connect,
  } as ConstructorParameters<typeof Client>[1]);
  return {
    client,
    destroy() {
      const gone = client.destroy();
      connector.abort();
      return gone;
    },
  };
}
