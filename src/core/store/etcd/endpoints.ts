import type { Clock } from "../../util/clock.ts";
import { Endpoint } from "./endpoint.ts";
import type { RpcFactory } from "./rpc.ts";
import { GRPC, RpcFailure } from "./rpc-failure.ts";

/** How long one endpoint may take to connect before the next is tried beside it. */
const STAGGER_MS = 300;

/** No endpoint could be connected to; nothing was sent. */
export class NoEndpoint extends Error {
  override readonly name = "NoEndpoint";
  readonly failures: readonly RpcFailure[];
  /** True when each of them said no, so that there is nothing to wait for. */
  readonly isCertain: boolean;

  constructor(failures: readonly RpcFailure[], isCertain: boolean) {
    super(failures.map((failure) => `${failure.endpoint}: ${failure.why}`).join("; "));
    this.failures = failures;
    this.isCertain = isCertain;
  }
}

/**
 * The servers of a cluster in an order of our own (so that not all clients use the first), and which of them is used: one
 * as long as it answers, else the first that connects.
 */
export class Endpoints {
  readonly #all: readonly Endpoint[];
  readonly #clock: Clock;
  #current = 0;

  constructor(names: readonly string[], connect: RpcFactory, clock: Clock, random: () => number) {
    this.#all = shuffled(names, random).map((name) => new Endpoint(name, connect, clock));
    this.#clock = clock;
  }

  get count(): number {
    return this.#all.length;
  }

  /**
   * An endpoint that is connected. Others are tried when the present one is slow or refuses, the slow one beside them:
   * a black hole in the list costs 0.3 s once. NoEndpoint when all refuse or `timeoutMs` passes.
   */
  connected(timeoutMs: number, signal?: AbortSignal): Promise<Endpoint> {
    const present = this.#all[this.#current];
    if (present?.isReady) return Promise.resolve(present);
    return this.#race(timeoutMs, signal);
  }

  /** That endpoint failed: the next call goes to another one if there is one, and over a new connection if asked. */
  distrust(endpoint: Endpoint, { renew }: { readonly renew: boolean }): void {
    if (renew) endpoint.renew();
    if (this.#all[this.#current] === endpoint) this.#current = (this.#current + 1) % this.#all.length;
  }

  close(): void {
    for (const endpoint of this.#all) endpoint.close();
  }

  #race(timeoutMs: number, signal?: AbortSignal): Promise<Endpoint> {
    const order = this.#all.map((_, i) => (this.#current + i) % this.#all.length);
    const failures = new Map<number, RpcFailure>();
    const { promise, resolve, reject } = Promise.withResolvers<Endpoint>();
    let started = 0;
    let isOver = false;
    let cancelStagger = () => {};
    const onAbort = () => reject(signal?.reason);
    const next = () => {
      cancelStagger();
      const index = isOver ? undefined : order[started++];
      const endpoint = index === undefined ? undefined : this.#all[index];
      if (index === undefined || endpoint === undefined) return;
      if (started < order.length) cancelStagger = this.#clock.timer(STAGGER_MS, next);
      endpoint.ready().then(
        () => {
          // One that connects after the race must not take over from the winner.
          if (!isOver) this.#current = index;
          resolve(endpoint);
        },
        (failure: unknown) => {
          failures.set(index, endpoint.failure(failure));
          if (failures.size === order.length) reject(this.#none(failures));
          else next();
        },
      );
    };
    const cancelTimeout = this.#clock.timer(timeoutMs, () => reject(this.#none(failures)));
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    else next();
    return promise.finally(() => {
      isOver = true;
      cancelStagger();
      cancelTimeout();
      signal?.removeEventListener("abort", onAbort);
    });
  }

  #none(failures: ReadonlyMap<number, RpcFailure>): NoEndpoint {
    const all = this.#all.map(
      (endpoint, i) =>
        failures.get(i) ?? new RpcFailure(endpoint.name, GRPC.deadlineExceeded, "no answer", "unsent"),
    );
    return new NoEndpoint(all, failures.size === all.length);
  }
}

/** Fisher-Yates. */
function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
