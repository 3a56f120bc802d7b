import { type Check, type CheckEndpoint, type Finding, oneLine, timed } from "./check.ts";
import { decodeHealthResponse, encodeHealthRequest, HEALTH_CHECK_METHOD } from "./grpc-health.ts";

/** `grpc` or `grpc:SERVICE`: the standard health service, over plaintext HTTP/2, answers SERVING. */
export function grpcCheck(spec: string, service: string): Check {
  return {
    kind: "grpc",
    spec,
    run: (request) => timed(request, (signal) => ask(service, request.endpoint, signal)),
  };
}

async function ask(service: string, endpoint: CheckEndpoint, signal: AbortSignal): Promise<Finding> {
  // 60 ms to load, so only here.
  const { Client, credentials, Metadata, status } = await import("@grpc/grpc-js");
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  const client = new Client(`${host}:${endpoint.port}`, credentials.createInsecure(), {
    // A check must meet the instance itself, on a connection of its own.
    "grpc.enable_http_proxy": 0,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
  });
  try {
    return await new Promise<Finding>((resolve) => {
      const call = client.makeUnaryRequest<string, string>(
        HEALTH_CHECK_METHOD,
        encodeHealthRequest,
        decodeHealthResponse,
        service,
        new Metadata(),
        (error, answer) => {
          if (!error) resolve({ ok: answer === "SERVING", detail: answer ?? "no answer" });
          else
            resolve({ ok: false, detail: oneLine(`${status[error.code] ?? error.code}: ${error.details}`) });
        },
      );
      signal.addEventListener("abort", () => call.cancel(), { once: true });
      if (signal.aborted) call.cancel();
    });
  } finally {
    client.close();
  }
}
