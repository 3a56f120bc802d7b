import { redact } from "../../util/redact.ts";
import { sayFailure as inWords } from "../../util/say-failure.ts";

/** Codes of undici and Node in words that say what happened. */
const KINDS: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: "closed",
  UND_ERR_CONNECT_TIMEOUT: "connect timeout",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "garbage",
  UND_ERR_RESPONSE: "garbage",
  UND_ERR_INFO: "closed",
  EPIPE: "ECONNRESET",
};

/** Short, and one of few: what kind of failure this is. */
export function failureKind(error: unknown): string {
  const code = codeOf(error);
  // undici gives some of what its parser says no code.
  if (error instanceof Error && error.name === "HTTPParserError") return "garbage";
  if (code === null) return "error";
  // llhttp: what came is not HTTP.
  if (code.startsWith("HPE_")) return "garbage";
  return KINDS[code] ?? code;
}

/** The failure in words, without secrets. */
export function sayFailure(error: unknown): string {
  return redact(inWords(error));
}

/** True for what this machine, and not the target, has run out of. */
export function isLocalFailure(kind: string): boolean {
  return kind === "EADDRNOTAVAIL" || kind === "EMFILE" || kind === "ENFILE" || kind === "ENOBUFS";
}

function codeOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ("code" in error && typeof error.code === "string") return error.code;
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error.cause === undefined ? null : codeOf(error.cause);
}
