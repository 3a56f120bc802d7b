import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { until } from "./until.ts";

/** A request without a body, as it came. */
export interface RawRequest {
  readonly socket: Socket;
  /** Of all connections, from 1. */
  readonly number: number;
  /** Of this connection, from 1. */
  readonly ofConnection: number;
  readonly head: string;
}

export interface RawServerOptions {
  readonly port?: number;
  /** PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A TCP server that answers as a test says, byte by byte. */
export class RawServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #requests = 0;
  #connections = 0;

  private constructor(answer: (request: RawRequest, server: RawServer) => void, { tls }: RawServerOptions) {
    const accept = (socket: Socket) => this.#accept(socket, answer);
    this.#server =
      tls === undefined ? createServer({ allowHalfOpen: true }, accept) : createTlsServer(tls, accept);
    // What is closed in the middle of a handshake is no concern of the server.
    this.#server.on("tlsClientError", () => {});
  }

  static async start(
    answer: (request: RawRequest, server: RawServer) => void,
    options: RawServerOptions = {},
  ): Promise<RawServer> {
    const server = new RawServer(answer, options);
    server.#server.listen(options.port ?? 0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `http://127.0.0.1:PORT/` */
  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Requests that have come whole. */
  get requests(): number {
    return this.#requests;
  }

  /** Connections that there ever were. */
  get connections(): number {
    return this.#connections;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open.size;
  }

  /** Resolves once no connection is open. */
  async isLeft(timeoutMs = 5000): Promise<void> {
    await until(() => this.open === 0, timeoutMs);
  }

  /** Breaks off all connections and takes no more; the port is free afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.resetAndDestroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(socket: Socket, answer: (request: RawRequest, server: RawServer) => void): void {
    this.#connections += 1;
    this.#open.add(socket);
    let head = "";
    let ofConnection = 0;
    socket.on("error", () => {});
    socket.on("close", () => this.#open.delete(socket));
    socket.on("end", () => socket.end());
    socket.on("data", (chunk) => {
      head += chunk.toString("latin1");
      for (let end = head.indexOf("\r\n\r\n"); end >= 0; end = head.indexOf("\r\n\r\n")) {
        this.#requests += 1;
        ofConnection += 1;
        answer({ socket, number: this.#requests, ofConnection, head: head.slice(0, end) }, this);
        head = head.slice(end + 4);
      }
    });
  }
}

/** A whole answer; `more` are lines of its head. */
export function whole(body = "hello", ...more: readonly string[]): string {
  return ["HTTP/1.1 200 OK", `Content-Length: ${Buffer.byteLength(body)}`, ...more, "", body].join("\r\n");
}
