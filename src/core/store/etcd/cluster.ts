import { type BackoffPolicy, backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import type { Revision } from "../store.ts";
import type { Endpoint } from "./endpoint.ts";
import { Endpoints, NoEndpoint } from "./endpoints.ts";
import type { Request, Response, RpcFactory, RpcStream, Streams, Unary } from "./rpc.ts";
import { GRPC, RpcFailure } from "./rpc-failure.ts";
import { type StoreFacts, toStoreError } from "./store-errors.ts";

export const RETRY: BackoffPolicy = { initialMs: 50, factor: 2, maxMs: 1000 };

/** How long one conversation may take, and what ends it before. */
export interface Scope {
  /** Monotonic ms. */
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ClusterOptions {
  readonly endpoints: readonly string[];
  readonly facts: StoreFacts;
  readonly password: string;
  readonly connect: RpcFactory;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * Conversations with an etcd cluster: who is asked, for how long, with which token, and what is asked again. Only reads and
 * calls that may be repeated are; what to do after a write of unknown outcome is for its caller to say.
 */
export class Cluster {
  readonly facts: StoreFacts;
  readonly #endpoints: Endpoints;
  readonly #password: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #closing = new Set<() => void>();
  #token: Promise<string | null> | null = null;
  #revision: Revision = 0;
  #id = "";
  #hasAnswered = false;
  #closed = false;

  constructor(options: ClusterOptions) {
    this.facts = options.facts;
    this.#password = options.password;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#endpoints = new Endpoints(options.endpoints, options.connect, options.clock, this.#random);
  }

  /** The highest revision any answer has named: what is changed from now on has a higher one. */
  get revision(): Revision {
    return this.#revision;
  }

  /** The cluster's id in the last answer; empty before the first. */
  get id(): string {
    return this.#id;
  }

  scope(signal?: AbortSignal): Scope {
    return { deadline: this.#clock.monotonic() + this.facts.timeoutMs, signal };
  }

  /** A call that may be repeated, until there is an answer or the scope ends. Rejects with a DcsError. */
  call<M extends keyof Unary>(method: M, request: Request<M>, scope: Scope): Promise<Response<M>> {
    return this.persist(scope, () => this.attempt(method, request, scope));
  }

  /** A renewal of a lease, which may be repeated. */
  keepAlive(request: Streams["leaseKeepAlive"][0], scope: Scope): Promise<Streams["leaseKeepAlive"][1]> {
    // Only the leader's memory is asked, so a slow answer is none: somebody else may be faster.
    const patience = this.facts.timeoutMs / 4;
    return this.persist(scope, () =>
      this.#attempt(scope, (endpoint, bounds) =>
        endpoint.keepAlive(request, { ...bounds, timeoutMs: Math.min(bounds.timeoutMs, patience) }),
      ),
    );
  }

  /** One call, sent once. Rejects with a RpcFailure, NoEndpoint, or the signal's reason. */
  attempt<M extends keyof Unary>(method: M, request: Request<M>, scope: Scope): Promise<Response<M>> {
    return this.#attempt(scope, (endpoint, bounds) => endpoint.unary(method, request, bounds));
  }

  /** An open stream and the endpoint it leads to. `check` runs before, as a call whose answer proves the token. */
  async stream<S extends keyof Streams>(
    method: S,
    scope: Scope,
    check: () => Promise<unknown>,
  ): Promise<{ readonly stream: RpcStream<S>; readonly endpoint: Endpoint }> {
    // etcd 3.4 answers a stale token on a stream with "permission denied", or not at all.
    if (this.facts.user !== null) await check();
    const endpoint = await this.#endpoints.connected(this.#left(scope), scope.signal);
    const token = await this.#authenticated(endpoint, scope);
    return { stream: endpoint.stream(method, token), endpoint };
  }

  /** Repeats `attempt` with back-off while nothing says that it is in vain. */
  async persist<T>(scope: Scope, attempt: (before: unknown) => Promise<T>): Promise<T> {
    let before: unknown = null;
    for (let count = 0; ; count++) {
      try {
        return await attempt(before);
      } catch (error) {
        if (!(await this.pause(error, count, scope))) throw toStoreError(error, this.facts);
        before = error;
      }
    }
  }

  /** Waits before a repetition; false when none can help or there is no time for it. */
  async pause(error: unknown, count: number, scope: Scope): Promise<boolean> {
    if (this.#closed || !this.#mayPass(error)) return false;
    const delay = backoffDelay(RETRY, count, this.#random);
    if (this.#clock.monotonic() + delay >= scope.deadline) return false;
    using stop = this.linked(scope.signal);
    await sleep(this.#clock, delay, stop.signal).catch(() => {});
    scope.signal?.throwIfAborted();
    return !this.#closed;
  }

  /** A signal that aborts with the given one, and when the store is closed. */
  linked(signal?: AbortSignal): { readonly signal: AbortSignal } & Disposable {
    const controller = new AbortController();
    const abort = () => controller.abort(signal?.reason);
    if (this.#closed || signal?.aborted) abort();
    this.#closing.add(abort);
    signal?.addEventListener("abort", abort, { once: true });
    return {
      signal: controller.signal,
      [Symbol.dispose]: () => {
        this.#closing.delete(abort);
        signal?.removeEventListener("abort", abort);
      },
    };
  }

  /** Says that an endpoint failed a caller, who may have been streaming. */
  blame(endpoint: Endpoint, failure: RpcFailure): void {
    const silent = failure.code === GRPC.deadlineExceeded;
    if (silent || failure.code === GRPC.unavailable) this.#endpoints.distrust(endpoint, { renew: silent });
  }

  note(header: { readonly revision: string; readonly cluster_id: string } | null | undefined): void {
    this.#hasAnswered = true;
    if (header === null || header === undefined) return;
    this.#revision = Math.max(this.#revision, Number(header.revision));
    this.#id = header.cluster_id;
  }

  close(): void {
    this.#closed = true;
    for (const end of [...this.#closing]) end();
    this.#endpoints.close();
  }

  async #attempt<T extends { readonly header?: Parameters<Cluster["note"]>[0] }>(
    scope: Scope,
    send: (endpoint: Endpoint, bounds: Parameters<Endpoint["unary"]>[2]) => Promise<T>,
  ): Promise<T> {
    for (let renewals = 0; ; renewals++) {
      scope.signal?.throwIfAborted();
      const endpoint = await this.#endpoints.connected(this.#left(scope), scope.signal);
      const token = await this.#authenticated(endpoint, scope);
      try {
        const answer = await send(endpoint, { token, timeoutMs: this.#share(scope), signal: scope.signal });
        this.note(answer.header);
        return answer;
      } catch (error) {
        if (!(error instanceof RpcFailure)) throw error;
        if (this.facts.user !== null && error.needsNewToken && renewals < 2) {
          this.#token = null;
          continue;
        }
        this.blame(endpoint, error);
        throw error;
      }
    }
  }

  /** A first contact that is refused everywhere is a wrong address; later the server may be on its way back. */
  #mayPass(error: unknown): boolean {
    if (error instanceof NoEndpoint) return error.isCertain && this.#hasAnswered;
    return error instanceof RpcFailure && (error.outcome !== "refused" || error.isTooBusy);
  }

  #authenticated(endpoint: Endpoint, scope: Scope): Promise<string | null> {
    if (this.facts.user === null) return Promise.resolve(null);
    if (this.#token === null) {
      const token = this.#authenticate(endpoint, scope);
      this.#token = token;
      token.catch((error: unknown) => {
        if (this.#token === token) this.#token = null;
        if (error instanceof RpcFailure) this.blame(endpoint, error);
      });
    }
    return this.#token;
  }

  /** Many calls may wait for this one, so it belongs to none of their signals. */
  async #authenticate(endpoint: Endpoint, scope: Scope): Promise<string | null> {
    const request = { name: this.facts.user ?? "", password: this.#password };
    try {
      const bounds = { token: null, timeoutMs: this.#share(scope) };
      return (await endpoint.unary("authenticate", request, bounds)).token;
    } catch (error) {
      if (error instanceof RpcFailure && error.isAuthOff) return null;
      // Nothing of what was asked has been sent yet.
      throw error instanceof RpcFailure && error.outcome === "unknown"
        ? new RpcFailure(error.endpoint, error.code, error.message, "unsent")
        : error;
    }
  }

  #left(scope: Scope): number {
    return Math.max(1, scope.deadline - this.#clock.monotonic());
  }

  /** How long one attempt may take, so that there is time for another elsewhere or to look what became of it. */
  #share(scope: Scope): number {
    return Math.max(1, this.#left(scope) * (this.#endpoints.count > 1 ? 1 / 2 : 2 / 3));
  }
}
