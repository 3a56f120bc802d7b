import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";

export interface StubRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Behaviour = (
  request: StubRequest,
  response: ServerResponse,
  socket: Socket,
) => void | Promise<void>;

/** An HTTP server of a test, on a free port of loopback, that remembers what it was asked. */
export class HttpStub implements AsyncDisposable {
  readonly requests: StubRequest[] = [];
  readonly sockets = new Set<Socket>();
  /** How many connections were made. */
  connections = 0;
  readonly #server: Server;
  readonly #scheme: string;

  private constructor(server: Server, scheme: string) {
    this.#server = server;
    this.#scheme = scheme;
  }

  /** `behave` is called when the whole request is there; an HTTPS server with a key and a certificate. */
  static async start(
    behave: Behaviour,
    tls?: { readonly key: string; readonly cert: string },
  ): Promise<HttpStub> {
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      void stub.#handle(behave, request, response);
    };
    const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
    const stub = new HttpStub(server, tls === undefined ? "http" : "https");
    server.on("connection", (socket: Socket) => {
      stub.connections += 1;
      stub.sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => stub.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return stub;
  }

  get endpoint(): string {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("it does not listen");
    return `127.0.0.1:${address.port}`;
  }

  get url(): string {
    return `${this.#scheme}://${this.endpoint}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(behave: Behaviour, request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const { method = "", url = "", headers, socket } = request;
    const seen = { method, url, headers, body: Buffer.concat(chunks).toString("utf8") };
    this.requests.push(seen);
    await behave(seen, response, socket);
  }
}

/** Answers with a status and a body: a text as it is, anything else as JSON. */
export function answer(
  status: number,
  body: unknown = "",
  headers: Readonly<Record<string, string>> = {},
): Behaviour {
  return (_request, response) => {
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
  };
}
