import type { Clock } from "../../util/clock.ts";
import { KeepAlives } from "./keep-alives.ts";
import type { Request, Response, RpcClients, RpcFactory, RpcStream, Streams, Unary } from "./rpc.ts";
import { GRPC, RpcFailure } from "./rpc-failure.ts";

/** Connectivity states of a gRPC channel. */
const READY = 2;
const TRANSIENT_FAILURE = 3;

export interface CallBounds {
  /** What Auth.authenticate returned; null without a user. */
  readonly token: string | null;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** One server of the cluster and the connection to it, which is made when it is first needed. */
export class Endpoint {
  /** `host:port`. */
  readonly name: string;
  readonly #connect: RpcFactory;
  readonly #clock: Clock;
  readonly #cancels = new Set<(why: RpcFailure) => void>();
  #clients: RpcClients | null = null;
  #keepAlives: KeepAlives | null = null;
  #closed = false;

  constructor(name: string, connect: RpcFactory, clock: Clock) {
    this.name = name;
    this.#connect = connect;
    this.#clock = clock;
  }

  get isReady(): boolean {
    return this.#clients?.channel.getConnectivityState(true) === READY;
  }

  /** Resolves when a call can be sent; rejects with a RpcFailure as soon as it is known that none can. */
  async ready(): Promise<void> {
    for (;;) {
      const { channel } = this.#open();
      const state = channel.getConnectivityState(true);
      if (state === READY) return;
      // The channel does not say why; a call does, at once.
      if (state === TRANSIENT_FAILURE) {
        await this.unary("status", {}, { token: null, timeoutMs: 1000 }).catch((failure: RpcFailure) => {
          throw new RpcFailure(this.name, failure.code, failure.message, "unsent");
        });
        return;
      }
      await new Promise<void>((resolve) =>
        channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => resolve()),
      );
    }
  }

  /** One call, one answer, nothing retried. Rejects with a RpcFailure, or with the signal's reason. */
  unary<M extends keyof Unary>(method: M, request: Request<M>, options: CallBounds): Promise<Response<M>> {
    return this.#bounded(options, (resolve, reject) => {
      const call = this.#open().unary(method, request, options.token, (error, response) => {
        if (response === undefined || error !== null) reject(this.failure(error));
        else resolve(response);
      });
      return () => call.cancel();
    });
  }

  /** One renewal of a lease, over a stream that is shared with others. */
  keepAlive(
    request: Streams["leaseKeepAlive"][0],
    options: CallBounds,
  ): Promise<Streams["leaseKeepAlive"][1]> {
    return this.#bounded(options, (resolve, reject) => {
      const giveUp = this.#openKeepAlives().send(String(request.ID), options.token, { resolve, reject });
      return (why) => giveUp(why instanceof RpcFailure);
    });
  }

  /** A stream that is cancelled when the endpoint is closed. */
  stream<S extends keyof Streams>(method: S, token: string | null): RpcStream<S> {
    const stream = this.#open().stream(method, token);
    const cancel = () => stream.cancel();
    this.#cancels.add(cancel);
    stream.once("close", () => this.#cancels.delete(cancel));
    // Who reads the stream meets the error; without a listener it would end the process before.
    stream.on("error", () => {});
    return stream;
  }

  /** Any error of a call as a RpcFailure. */
  failure(error: unknown): RpcFailure {
    if (error instanceof RpcFailure) return error;
    const { code, details } = error as { readonly code?: unknown; readonly details?: unknown };
    return new RpcFailure(
      this.name,
      typeof code === "number" ? code : GRPC.unknown,
      typeof details === "string" && details !== "" ? details : String(error),
    );
  }

  /** The next call gets a new connection; calls under way end on the old one. */
  renew(): void {
    this.#clients?.channel.close();
    this.#clients = null;
    this.#keepAlives = null;
  }

  /** Ends everything under way. */
  close(): void {
    this.#closed = true;
    const why = new RpcFailure(this.name, GRPC.unavailable, "the store was closed");
    for (const cancel of [...this.#cancels]) cancel(why);
    this.#keepAlives?.close();
    this.renew();
  }

  #bounded<T>(
    { timeoutMs, signal }: CallBounds,
    start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => (why: unknown) => void,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let cancel = (_why: unknown) => {};
    const giveUp = (reason: unknown) => {
      reject(reason);
      cancel(reason);
    };
    const onAbort = () => giveUp(signal?.reason);
    const cancelTimer = this.#clock.timer(timeoutMs, () =>
      giveUp(new RpcFailure(this.name, GRPC.deadlineExceeded, "no answer")),
    );
    this.#cancels.add(giveUp);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      cancel = start(resolve, reject);
    } catch (error) {
      reject(this.failure(error));
    }
    return promise.finally(() => {
      cancelTimer();
      this.#cancels.delete(giveUp);
      signal?.removeEventListener("abort", onAbort);
    });
  }

  /** Those of the present connection. */
  #openKeepAlives(): KeepAlives {
    const clients = this.#open();
    this.#keepAlives ??= new KeepAlives({
      endpoint: this.name,
      clock: this.#clock,
      open: (token) => clients.stream("leaseKeepAlive", token),
      failure: (error) => this.failure(error),
    });
    return this.#keepAlives;
  }

  #open(): RpcClients {
    if (this.#closed) throw new RpcFailure(this.name, GRPC.unavailable, "the store was closed");
    this.#clients ??= this.#connect(this.name);
    return this.#clients;
  }
}
