import { toDcsError } from "../errors.ts";
import { brokenNameRule } from "../registry/names.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "../util/clock.ts";
import { unlessAborted } from "../util/unless-aborted.ts";
import { within } from "../util/within.ts";
import { HttpConnections } from "./http-connections.ts";
import { exchange, type ServiceAnswer, type ServiceRequest } from "./http-exchange.ts";
import type { ListFiles } from "./list-files.ts";
import type { PickerPolicy } from "./picker.ts";
import { ServiceResolver } from "./service-resolver.ts";
import { traceParent } from "./trace-parent.ts";

export interface ServiceClientOptions {
  /** The store with the services; asked for at the first `service://` address. It stays the caller's. */
  readonly store: () => Promise<Store>;
  /** As for `ServiceResolver`. */
  readonly files?: ListFiles | null;
  readonly maxStaleMs?: number;
  readonly policy?: PickerPolicy;
  readonly clock: Clock;
  /** Connections to one host and port at most, 64; more requests wait for a free one. */
  readonly connections?: number;
  /** 1 MiB. */
  readonly maxBodyBytes?: number;
  /** PEM of the authorities to trust, in place of those of Node (and NODE_EXTRA_CA_CERTS). */
  readonly ca?: string;
}

const CONNECTIONS = 64;
const MAX_BODY_BYTES = 1024 * 1024;

const SERVICE_URL = /^service:\/\/([^/?#]*)(.*)$/s;

/**
 * Sends requests to services and plain addresses: finds an instance (the list is followed, and kept while the store is away),
 * picks one, keeps connections, and says of each request whether it was answered, not sent, or unknown. Nothing is ever
 * sent twice, and no redirect is followed. An instance is spoken to by HTTP/1.1 without TLS.
 */
export class ServiceClient implements AsyncDisposable {
  readonly #o: ServiceClientOptions;
  readonly #stop = new AbortController();
  readonly #resolvers = new Map<string, Promise<ServiceResolver>>();
  readonly #ready = new Map<string, ServiceResolver>();
  #open: Promise<HttpConnections> | null = null;

  constructor(options: ServiceClientOptions) {
    this.#o = options;
  }

  /** Never rejects. A `traceparent` is sent: the given one, or a new one. */
  async send(request: ServiceRequest): Promise<ServiceAnswer> {
    const { clock, maxBodyBytes = MAX_BODY_BYTES } = this.#o;
    const begun = clock.monotonic();
    const url = await this.#target(request);
    if (typeof url === "string") return { kind: "not-sent", message: url };
    const timeoutMs = request.timeoutMs - (clock.monotonic() - begun);
    if (timeoutMs <= 0) return { kind: "not-sent", message: "no time was left to send it" };
    const headers = { traceparent: traceParent(), "accept-encoding": "identity", ...request.headers };
    const { dispatcher } = await this.#connections();
    return exchange({ ...request, headers, timeoutMs }, { dispatcher, url, clock, maxBodyBytes });
  }

  /** Ends what is under way (as unknown where it was sent) and closes all connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const closed = [...this.#resolvers.values()].map(async (opening) => (await opening).close());
    await Promise.allSettled(closed);
    await (await this.#open)?.[Symbol.asyncDispose]();
  }

  /** Where it goes; a text says why it cannot. */
  async #target(request: ServiceRequest): Promise<URL | string> {
    const { url, timeoutMs, signal } = request;
    if (this.#stop.signal.aborted) return "the client is closed";
    const [, service, path] = SERVICE_URL.exec(url) ?? [];
    if (service === undefined) return urlOf(url) ?? "it is not an http, https or service address";
    const rule = brokenNameRule(service);
    if (rule !== null) return `${JSON.stringify(service)} cannot be a service name: ${rule}`;
    try {
      const wait = (given: AbortSignal) => unlessAborted(this.#resolver(service), given);
      const resolver =
        this.#ready.get(service) ?? (await within(this.#o.clock, Math.max(0, timeoutMs), signal, wait));
      if (resolver === null) return `the instances of ${service} were not known within ${timeoutMs} ms`;
      const instance = resolver.pick();
      if (instance === null) return noneOf(resolver, service);
      return urlOf(`http://${instance.endpoint}${path}`) ?? `${instance.endpoint} is no address`;
    } catch (error) {
      return signal.aborted ? "it was stopped before it was sent" : toDcsError(error).message;
    }
  }

  #resolver(service: string): Promise<ServiceResolver> {
    const known = this.#resolvers.get(service);
    if (known !== undefined) return known;
    const opening = this.#openResolver(service);
    this.#resolvers.set(service, opening);
    opening.then(
      (resolver) => this.#ready.set(service, resolver),
      // The next one tries again.
      () => this.#resolvers.delete(service),
    );
    return opening;
  }

  async #openResolver(service: string): Promise<ServiceResolver> {
    const { clock, files = null, policy, maxStaleMs } = this.#o;
    const store = await unlessAborted(this.#o.store(), this.#stop.signal);
    return ServiceResolver.open({
      store,
      service,
      clock,
      files,
      ...(policy === undefined ? {} : { policy }),
      ...(maxStaleMs === undefined ? {} : { maxStaleMs }),
      signal: this.#stop.signal,
    });
  }

  #connections(): Promise<HttpConnections> {
    const { connections = CONNECTIONS, ca } = this.#o;
    this.#open ??= HttpConnections.open({ connections, ca });
    return this.#open;
  }
}

function noneOf({ instances, ageMs }: ServiceResolver, service: string): string {
  if (instances.length > 0) return `all ${instances.length} instances of ${service} are drained (weight 0)`;
  const away = ageMs === 0 ? "" : ", and the store does not answer";
  return `no ready instance of ${service} is registered${away}`;
}

function urlOf(text: string): URL | null {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) ? url : null;
}
