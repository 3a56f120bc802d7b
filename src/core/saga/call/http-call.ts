import { hash } from "node:crypto";
import type { ServiceClient } from "../../traffic/service-client.ts";
import { traceParent } from "../../traffic/trace-parent.ts";
import { backoffDelay } from "../../util/backoff.ts";
import { type Clock, sleep } from "../../util/clock.ts";
import { formatDuration } from "../../util/duration.ts";
import type { Outcome } from "../engine/event.ts";
import type { CallIdentity, SendOptions } from "./call.ts";
import { classifyAnswer, classifyProbe, type InFlight } from "./classify-answer.ts";
import type { HttpRequest } from "./render-http.ts";

export interface HttpParts {
  readonly client: ServiceClient;
  readonly clock: Clock;
}

/** Between two looks at a call that the service is still at and that names no time. */
const POLL = { initialMs: 250, factor: 2, maxMs: 2000 };
const MIN_POLL_MS = 50;

/**
 * Sends an action's request. A 409 says that the service is still at it under this key: it is asked again, by the same
 * request, for as long as there is time. After a 409 only a success or a refusal of the key is definite.
 */
export async function sendHttp(
  request: HttpRequest,
  identity: CallIdentity,
  options: SendOptions,
  { client, clock }: HttpParts,
): Promise<Outcome> {
  const deadline = clock.monotonic() + options.timeoutMs;
  const headers = headersOf(request, identity);
  const body = request.body === undefined ? null : JSON.stringify(request.body);
  const { method, url } = request;
  const { signal } = options;
  let last: InFlight | null = null;
  for (let polls = 0; ; polls++) {
    const timeoutMs = deadline - clock.monotonic();
    const answer = await client.send({ method, url, headers, body, timeoutMs, signal });
    if (answer.kind !== "answer") return last === null ? answer : { ...answer, kind: "unknown" };
    if (identity.asks === "probe") return classifyProbe(answer);
    const isReused = identity.attempt > 1 || last !== null;
    const outcome = classifyAnswer(answer, { isReused, now: clock.now() });
    if (outcome.kind !== "in-flight") {
      return outcome.kind === "failed" && last !== null ? { ...outcome, kind: "unknown" } : outcome;
    }
    last = outcome;
    const pause = Math.max(MIN_POLL_MS, outcome.retryAfterMs ?? backoffDelay(POLL, polls));
    if (clock.monotonic() + pause >= deadline) return stillInFlight(outcome, options.timeoutMs);
    try {
      await sleep(clock, pause, signal);
    } catch {
      return { kind: "unknown", message: `${outcome.message}; it was stopped before the service was done` };
    }
  }
}

/** By lower-case name. All calls of a run have one trace. */
function headersOf({ url, headers, body }: HttpRequest, identity: CallIdentity): Record<string, string> {
  const trace = hash("sha256", identity.runId).slice(0, 32);
  const isProbe = identity.asks === "probe";
  return {
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    accept: "application/json, */*;q=0.5",
    "user-agent": "dcs-saga",
    traceparent: traceParent(trace),
    ...credentials(url),
    ...headers,
    "saga-run": identity.runId,
    "saga-step": identity.step,
    "saga-attempt": String(identity.attempt),
    ...(isProbe ? {} : { "idempotency-key": identity.key }),
    ...(isProbe || identity.actionKey === null ? {} : { "saga-action-key": identity.actionKey }),
  };
}

/** Of `http://user:password@host/`. */
function credentials(url: string): Readonly<Record<string, string>> {
  const { username = "", password = "" } = URL.parse(url) ?? {};
  if (username === "" && password === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

function stillInFlight({ message, retryAfterMs }: InFlight, timeoutMs: number): Outcome {
  const asked = retryAfterMs === null ? "" : `, and it asks for ${formatDuration(retryAfterMs)}`;
  return { kind: "unknown", message: `${message}: still at it after ${formatDuration(timeoutMs)}${asked}` };
}
