import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Check, type CheckEndpoint, type Finding, timed } from "./check.ts";

/** Where a check goes: a path at the instance's endpoint, or a URL of its own. */
export type HttpTarget = { readonly scheme: "http" | "https"; readonly path: string } | { readonly url: URL };

/** `http:/path`, `https:/path` or a full URL: a GET is answered with 2xx or 3xx (redirects are not followed). */
export function httpCheck(spec: string, target: HttpTarget): Check {
  return {
    kind: "http",
    spec,
    run: (request) => timed(request, (signal) => get(target, request.endpoint, signal)),
  };
}

function get(target: HttpTarget, endpoint: CheckEndpoint, signal: AbortSignal): Promise<Finding> {
  // No agent: every check makes its own connection, as a client's first one would, and leaves none open.
  const options = { method: "GET", agent: false, signal, headers: { "user-agent": "dcs-check" } } as const;
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage) => {
      const status = response.statusCode ?? 0;
      response.on("error", () => {});
      // The status is the answer; a body may have no end.
      response.destroy();
      resolve({ ok: status >= 200 && status < 400, detail: `HTTP ${status}` });
    };
    const secure = "url" in target ? target.url.protocol === "https:" : target.scheme === "https";
    const send = secure ? httpsRequest : httpRequest;
    const sent =
      "url" in target
        ? send(target.url, options, answered)
        : send({ ...options, host: endpoint.host, port: endpoint.port, path: target.path }, answered);
    sent.on("error", reject);
    sent.end();
  });
}
