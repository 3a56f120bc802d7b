/** Where an instance listens. */
export interface CheckEndpoint {
  readonly host: string;
  readonly port: number;
}

export interface CheckRequest {
  readonly endpoint: CheckEndpoint;
  /** After this the check has failed. */
  readonly timeoutMs: number;
  /** Gives the check up: `run` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface CheckResult {
  readonly ok: boolean;
  /** What was seen, one line, for people: `HTTP 503`, `connection refused`. */
  readonly detail: string;
  readonly durationMs: number;
}

/** One way to ask whether an instance works. A failing instance is a result, never a rejection. */
export interface Check {
  readonly kind: "http" | "tcp" | "grpc" | "exec";
  /** As it was written: `http:/healthz`. */
  readonly spec: string;
  run(request: CheckRequest): Promise<CheckResult>;
}

/** What one probe saw: the part of a result that is not timing. */
export interface Finding {
  readonly ok: boolean;
  readonly detail: string;
}

/**
 * Runs a probe under the request's timeout and signal. The probe is given a signal that aborts at either, and may reject:
 * then the rejection is the detail.
 */
export async function timed(
  request: CheckRequest,
  probe: (signal: AbortSignal) => Promise<Finding>,
): Promise<CheckResult> {
  request.signal?.throwIfAborted();
  const start = performance.now();
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), request.timeoutMs);
  const both = request.signal ? AbortSignal.any([request.signal, timeout.signal]) : timeout.signal;
  let finding: Finding;
  try {
    finding = await probe(both);
  } catch (error) {
    finding = { ok: false, detail: describe(error) };
  } finally {
    clearTimeout(timer);
  }
  request.signal?.throwIfAborted();
  // A probe that answers in the very moment of the timeout has answered.
  if (timeout.signal.aborted && !finding.ok) {
    finding = { ok: false, detail: `no answer within ${request.timeoutMs} ms` };
  }
  return { ...finding, durationMs: performance.now() - start };
}

const NETWORK_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOTFOUND: "host name not found",
  EAI_AGAIN: "host name could not be looked up now",
  ETIMEDOUT: "connection timed out",
};

function describe(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return NETWORK_ERRORS[code] ?? oneLine(error.message || code || error.name);
}

const MAX_DETAIL = 200;

/** Text from outside as one printable line. */
export function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim()
    .slice(0, MAX_DETAIL);
}
