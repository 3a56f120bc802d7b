import { Socket } from "node:net";
import type { Agent, Dispatcher } from "undici";

export interface HttpConnectionsOptions {
  /** To one host and port at most. */
  readonly connections: number;
  /** PEM of the authorities to trust, in place of those of Node. */
  readonly ca: string | undefined;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** Below the 5 s after which node:http closes an idle connection; a Keep-Alive header of the server goes before it. */
const KEEP_ALIVE_MS = 4000;

/** The kept connections to all hosts: undici's, one pool each, HTTP/1.1 without pipelining. */
export class HttpConnections implements AsyncDisposable {
  readonly dispatcher: Dispatcher;
  readonly #agent: Agent;
  readonly #connecting: ReadonlySet<Socket>;

  private constructor(agent: Agent, connecting: ReadonlySet<Socket>) {
    this.dispatcher = agent;
    this.#agent = agent;
    this.#connecting = connecting;
  }

  static async open({ connections, ca }: HttpConnectionsOptions): Promise<HttpConnections> {
    const { Agent, buildConnector } = await import("undici");
    const connecting = new Set<Socket>();
    const connect = buildConnector({
      timeout: CONNECT_TIMEOUT_MS,
      allowH2: false,
      ...(ca === undefined ? {} : { ca }),
    });
    const agent = new Agent({
      connections,
      pipelining: 1,
      // With HTTP/2 undici sends requests again by itself after a GOAWAY.
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Each exchange has one limit over all.
      headersTimeout: 0,
      bodyTimeout: 0,
      // undici forgets a connection that is still being made when it is destroyed.
      connect(options, callback) {
        const made: { socket?: Socket } = {};
        const socket: unknown = connect(options, (...result) => {
          if (made.socket !== undefined) connecting.delete(made.socket);
          callback(...result);
        });
        if (!(socket instanceof Socket)) return;
        made.socket = socket;
        connecting.add(socket);
        socket.once("close", () => connecting.delete(socket));
      },
    });
    return new HttpConnections(agent, connecting);
  }

  /** Closes all of them at once, also those that are still being made. */
  async [Symbol.asyncDispose](): Promise<void> {
    const done = this.#agent.destroy();
    for (const socket of this.#connecting) socket.destroy();
    await done;
  }
}
