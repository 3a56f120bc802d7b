import { connect } from "node:net";
import { type Check, timed } from "./check.ts";

/** `tcp`: a connection can be made. */
export function tcpCheck(spec: string): Check {
  return {
    kind: "tcp",
    spec,
    run: (request) =>
      timed(request, async (signal) => {
        const socket = connect({ host: request.endpoint.host, port: request.endpoint.port });
        try {
          await new Promise<void>((resolve, reject) => {
            socket.once("connect", resolve);
            socket.once("error", reject);
            signal.addEventListener("abort", () => reject(signal.reason), { once: true });
          });
        } finally {
          socket.on("error", () => {});
          socket.destroy();
        }
        return { ok: true, detail: "connected" };
      }),
  };
}
