import { DcsError } from "../../errors.ts";

/** What the server or the client library threw, as the DcsError an operator can act on. */
export function toRedisError(error: unknown, shown: string): DcsError {
  if (error instanceof DcsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const options = { cause: error, details: { url: shown } };
  if (/^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR AUTH)/.test(message)) {
    return new DcsError("PERMISSION_DENIED", `Redis at ${shown} refused access: ${message}`, {
      ...options,
      hint: "check user, password and ACL: the locks need EVALSHA, SUBSCRIBE, PUBLISH and the keys of the locks",
    });
  }
  if (message.startsWith("READONLY")) {
    return new DcsError("STORE_UNWRITABLE", `Redis at ${shown} is a read-only replica`, {
      ...options,
      hint: "name the primary in the locks URL",
    });
  }
  if (message.startsWith("OOM")) {
    return new DcsError("STORE_FULL", `Redis at ${shown} has no memory left for another key`, options);
  }
  return new DcsError("STORE_UNREACHABLE", `Redis at ${shown} did not answer: ${message}`, options);
}
