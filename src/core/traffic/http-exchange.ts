import type { Dispatcher } from "undici";
import type { Clock } from "../util/clock.ts";
import { sayFailure } from "../util/say-failure.ts";

export interface ServiceRequest {
  /** Upper case. */
  readonly method: string;
  /** `http://`, `https://`, or `service://NAME/path`. */
  readonly url: string;
  /** By lower-case name; values without control characters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Longest time for all of it: finding an instance, connecting, sending, headers and body. */
  readonly timeoutMs: number;
  /** Ends it at once. */
  readonly signal: AbortSignal;
}

/**
 * What is known of a request. `not-sent`: no byte of it was written, so it has no effect. `unknown`: some may have been, and
 * there is no whole answer. Redirects are answers, they are not followed.
 */
export type ServiceAnswer =
  | {
      readonly kind: "answer";
      readonly status: number;
      /** By lower-case name; several of one name are joined by ", ". */
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Buffer;
      /** The body was longer than the limit: this is its beginning. */
      readonly isCut: boolean;
      /** `host:port` that it came from. */
      readonly endpoint: string;
    }
  | { readonly kind: "not-sent"; readonly message: string }
  | { readonly kind: "unknown"; readonly message: string };

export interface ExchangeParts {
  readonly dispatcher: Dispatcher;
  readonly url: URL;
  readonly clock: Clock;
  readonly maxBodyBytes: number;
}

const MAX_RESETS = 2;

/**
 * Sends a request once. undici says `onRequestStart` right before it writes the first byte: what fails until then (name,
 * connect, TLS, no free connection) was not sent, and everything later is unknown, also the reset of a kept connection that
 * the server was just closing.
 */
export function exchange(request: ServiceRequest, parts: ExchangeParts): Promise<ServiceAnswer> {
  return new Promise((resolve) => new Exchange(request, parts, resolve).begin());
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: ServiceRequest;
  readonly #parts: ExchangeParts;
  readonly #resolve: (answer: ServiceAnswer) => void;
  readonly #onAbort = () => this.#giveUp("it was stopped");
  #cancelTimer: () => void = () => {};
  #controller: Dispatcher.DispatchController | null = null;
  #isOver = false;
  #status = 0;
  #headers: Readonly<Record<string, string>> = {};
  #chunks: Buffer[] = [];
  #bytes = 0;
  #resets = 0;
  #deadline = 0;

  constructor(request: ServiceRequest, parts: ExchangeParts, resolve: (answer: ServiceAnswer) => void) {
    this.#request = request;
    this.#parts = parts;
    this.#resolve = resolve;
  }

  begin(): void {
    const { timeoutMs, signal } = this.#request;
    const { clock } = this.#parts;
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    signal.addEventListener("abort", this.#onAbort, { once: true });
    this.#deadline = clock.monotonic() + timeoutMs;
    this.#cancelTimer = clock.timer(timeoutMs, () =>
      this.#giveUp(`no answer within ${Math.round(timeoutMs)} ms`),
    );
    this.#dispatch();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // This process stood still meanwhile: what is sent now would arrive when nobody counts on it any more.
    if (this.#parts.clock.monotonic() >= this.#deadline) this.#giveUp("no connection in time");
    // Given up while it waited for a connection; or sent again, which nobody asked for.
    if (this.#isOver || this.#controller !== null) {
      controller.abort(new Error("given up"));
      return;
    }
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    const given = Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      typeof value === "string" ? value : (value ?? []).join(", "),
    ]);
    this.#headers = Object.fromEntries(given) as Readonly<Record<string, string>>;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#parts.maxBodyBytes) return;
    this.#answer(true);
    // The rest is not read, so the connection is of no more use.
    controller.abort(new Error("the body is too long"));
  }

  onResponseEnd(): void {
    this.#answer(false);
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    _status: number,
    _headers: unknown,
    socket: { destroy(): unknown },
  ): void {
    this.#fail("it answered with an upgrade that nobody asked for");
    socket.destroy();
    controller.abort(new Error("upgrade"));
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: unknown): void {
    // A kept connection that was reset before anything was written to it takes what waits for it along.
    const isReset = error instanceof Error && "code" in error && error.code === "ECONNRESET";
    if (isReset && this.#controller === null && !this.#isOver && this.#resets < MAX_RESETS) {
      this.#resets += 1;
      this.#dispatch();
      return;
    }
    this.#fail(sayFailure(error));
  }

  #dispatch(): void {
    const { method, headers, body } = this.#request;
    const { dispatcher, url } = this.#parts;
    const { origin, pathname, search } = url;
    try {
      dispatcher.dispatch({ origin, path: pathname + search, method, headers: { ...headers }, body }, this);
    } catch (error) {
      this.#fail(sayFailure(error));
    }
  }

  #answer(isCut: boolean): void {
    const body = Buffer.concat(this.#chunks).subarray(0, this.#parts.maxBodyBytes);
    const { host: endpoint } = this.#parts.url;
    this.#end({ kind: "answer", status: this.#status, headers: this.#headers, body, isCut, endpoint });
  }

  #giveUp(why: string): void {
    const controller = this.#controller;
    this.#fail(why);
    controller?.abort(new Error(why));
  }

  #fail(why: string): void {
    const { host } = this.#parts.url;
    if (this.#controller === null) {
      this.#end({ kind: "not-sent", message: `${host}: ${why}; nothing was sent` });
      return;
    }
    const seen = this.#status === 0 ? "" : ` after it had begun to answer ${this.#status}`;
    this.#end({ kind: "unknown", message: `${host}: ${why}${seen}` });
  }

  #end(answer: ServiceAnswer): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#chunks = [];
    this.#resolve(answer);
  }
}
