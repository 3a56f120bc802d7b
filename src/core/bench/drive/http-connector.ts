import type { Socket } from "node:net";
import type { buildConnector } from "undici";

export interface HttpConnectorOptions {
  readonly timeoutMs: number;
  /** Over TLS the server must choose it; else it is spoken from the first byte. */
  readonly http2: boolean;
  readonly insecure: boolean;
  /** PEM. */
  readonly ca: string | null;
}

type Connect = buildConnector.connector;

/** As failureKind has it. */
export const NO_HTTP2 = "no HTTP/2";

/**
 * How undici connects. It waits for a connection that is being made, also when all is over, and would speak HTTP/1.1, several
 * requests at a time, where HTTP/2 was asked for and the server chooses otherwise.
 */
export class HttpConnector {
  readonly #connect: (...args: Parameters<Connect>) => Socket;
  readonly #http2: boolean;
  readonly #making = new Set<Socket>();

  constructor(build: typeof buildConnector, { timeoutMs, http2, insecure, ca }: HttpConnectorOptions) {
    this.#http2 = http2;
    // Types do not tell that it returns the socket.
    this.#connect = build({
      timeout: timeoutMs,
      allowH2: http2,
      ...(http2 ? { preferH2: true, useH2c: true } : {}),
      rejectUnauthorized: !insecure,
      ...(ca === null ? {} : { ca }),
    } as buildConnector.BuildOptions) as unknown as (...args: Parameters<Connect>) => Socket;
  }

  readonly connect: Connect = (options, callback) => {
    const socket = this.#connect(options, (error, made) => {
      this.#making.delete(socket);
      if (error !== null) callback(error, null);
      else if (this.#http2 && "alpnProtocol" in made && made.alpnProtocol !== "h2") {
        made.destroy();
        const chosen = made.alpnProtocol || "none";
        callback(
          Object.assign(new Error(`the target does not speak HTTP/2 over TLS (it chose ${chosen})`), {
            code: NO_HTTP2,
          }),
          null,
        );
      } else callback(null, made);
    });
    this.#making.add(socket);
  };

  /** Gives up connections that are being made. */
  abort(): void {
    for (const socket of this.#making) socket.destroy(new Error("given up"));
  }
}
