import type { HttpRequestSpec } from "../bench-plan.ts";
import { dispatchOptions, openClient } from "../drive/http-driver.ts";

/** What one request by HTTP has shown. */
export type HttpProbe =
  | {
      readonly kind: "answer";
      readonly status: number;
      /** The connection can take no second request. */
      readonly endsWithConnection: boolean;
      /** Something came before it: 103 Early Hints, 100 Continue. */
      readonly hasForerunner: boolean;
    }
  | { readonly kind: "failed"; readonly error: unknown };

export interface HttpProbeOptions {
  readonly request: HttpRequestSpec;
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Sends the request once, with certificates verified as asked. Rejects only when the signal aborts. */
export async function probeHttp(options: HttpProbeOptions): Promise<HttpProbe> {
  const { request, url, timeoutMs, signal } = options;
  const { origin, pathname, search } = new URL(url);
  const connection = openClient(await import("undici"), origin, request, timeoutMs);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    return await new Promise<HttpProbe>((resolve) => {
      const failed = (error: unknown) => resolve({ kind: "failed", error });
      const onLimit = () => failed(new Error(`no answer within ${timeoutMs} ms`));
      limit.addEventListener("abort", onLimit, { once: true });
      if (limit.aborted) onLimit();
      let status = 0;
      let endsWithConnection = false;
      let hasForerunner = false;
      connection.client.dispatch(dispatchOptions(pathname + search, request), {
        onRequestStart() {},
        onResponseStart(_controller, code, headers) {
          if (code < 200) {
            hasForerunner = true;
            return;
          }
          status = code;
          const closes = /close/i.test(String(headers["connection"] ?? ""));
          // Without a length the end of the connection is the end of the body.
          const hasLength =
            headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
          const hasNoBody = code === 204 || code === 304 || request.method === "HEAD";
          endsWithConnection = !request.http2 && (closes || !(hasLength || hasNoBody));
        },
        onResponseData() {},
        onResponseEnd: () => resolve({ kind: "answer", status, endsWithConnection, hasForerunner }),
        onResponseError: (_controller, error) => failed(error),
      });
    });
  } finally {
    await connection.destroy();
    signal.throwIfAborted();
  }
}
