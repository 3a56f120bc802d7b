import type { ServiceAnswer } from "../../traffic/http-exchange.ts";
import { isTooDeep } from "../../util/json-depth.ts";
import type { Json } from "../definition/expression.ts";
import type { Outcome } from "../engine/event.ts";

type Answer = Extract<ServiceAnswer, { kind: "answer" }>;

/** The service is still at it, under this key: ask again after so many ms (null: it did not say). */
export interface InFlight {
  readonly kind: "in-flight";
  readonly retryAfterMs: number | null;
  readonly message: string;
}

export interface AskedHow {
  /** The service may know the key already: not the first attempt. */
  readonly isReused: boolean;
  /** Epoch ms, for a Retry-After that is a date. */
  readonly now: number;
}

/** Definite by nature, and yet no: a gate before the service, or one that may answer otherwise in a moment. */
const NOT_DEFINITE = [408, 425, 429];
/** The request is to be made elsewhere, unchanged: nothing was done with it. */
const ELSEWHERE = [307, 308];
/** Not cut to what is shown: that comes after secrets were taken out, which a cut could hide half of. */
const MAX_SAID_BYTES = 4096;

/**
 * What an answer to an action says of its effect.
 *
 * 2xx done · 409 in flight · 422 under a key that was used, or that names idempotency: refused · other 4xx: failed · 307, 308:
 * failed, naming the location. Unknown: 408, 425, 429 and 5xx, with Retry-After too, because a gate that limits or sheds load
 * may do so after it has passed the request on; other 3xx, because a 303 (and many a 302) follows an effect; a 2xx whose
 * output is too long to be kept.
 */
export function classifyAnswer(answer: Answer, { isReused, now }: AskedHow): Outcome | InFlight {
  const { status, isCut } = answer;
  const message = say(answer);
  if (status >= 200 && status < 300) {
    if (isCut) return { kind: "unknown", message: `${message}: done, but its body is too long to be kept` };
    return { kind: "done", output: outputOf(answer.body) };
  }
  if (status === 409) return { kind: "in-flight", retryAfterMs: retryAfter(answer, now), message };
  if (status === 422 && (isReused || namesIdempotency(answer))) return { kind: "refused", message };
  if (ELSEWHERE.includes(status)) return { kind: "failed", message };
  const isDefinite = status >= 400 && status < 500 && !NOT_DEFINITE.includes(status);
  return { kind: isDefinite ? "failed" : "unknown", message };
}

/** What an answer to a probe says: 2xx it took effect, 404 it did not, anything else nothing. */
export function classifyProbe(answer: Answer): Outcome {
  const { status, isCut } = answer;
  if (status >= 200 && status < 300 && !isCut) return { kind: "done", output: outputOf(answer.body) };
  return { kind: status === 404 ? "failed" : "unknown", message: say(answer) };
}

/** JSON where it is JSON (and not nested without end), else the text; null for none. */
export function outputOf(bytes: Buffer): Json {
  const text = bytes.toString("utf8").trim();
  if (text === "") return null;
  try {
    const value = JSON.parse(text) as Json;
    return isTooDeep(value) ? text : value;
  } catch {
    return text;
  }
}

function say({ status, headers, body, endpoint }: Answer): string {
  const { location } = headers;
  const where = status >= 300 && status < 400 && location !== undefined ? ` to ${location}` : "";
  const text = body.toString("utf8", 0, MAX_SAID_BYTES).trim().replace(/\s+/g, " ");
  return `${endpoint} answered ${status}${where}${text === "" || status < 300 ? "" : `: ${text}`}`;
}

/** As draft-ietf-httpapi-idempotency-key-header asks of a 422: a problem that says so. */
function namesIdempotency({ body, headers }: Answer): boolean {
  return /idempoten/i.test(`${body.toString("utf8", 0, MAX_SAID_BYTES)} ${headers["link"] ?? ""}`);
}

function retryAfter({ headers }: Answer, now: number): number | null {
  const text = headers["retry-after"]?.trim();
  if (text === undefined || text === "") return null;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
