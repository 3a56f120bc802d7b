import { DcsError } from "../../errors.ts";
import type { Check } from "./check.ts";
import { execCheck } from "./exec-check.ts";
import { grpcCheck } from "./grpc-check.ts";
import { httpCheck } from "./http-check.ts";
import { tcpCheck } from "./tcp-check.ts";

/** The forms a check is written in, for help texts. */
export const CHECK_FORMS =
  "http:/path | https:/path | http://host:port/path | tcp | grpc[:SERVICE] | exec:CMD";

/**
 * The check that `text` writes; see `CHECK_FORMS`. USAGE when it is none; `what` names the flag or key in the error.
 */
export function parseCheck(text: string, what = "--check"): Check {
  const colon = text.indexOf(":");
  const kind = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? null : text.slice(colon + 1);
  if (kind === "tcp" && rest === null) return tcpCheck(text);
  if (kind === "grpc" && !/\p{Cc}/u.test(rest ?? "")) return grpcCheck(text, rest ?? "");
  if (kind === "exec" && rest !== null && rest.trim() !== "" && !rest.includes("\0"))
    return execCheck(text, rest);
  if (kind === "http" || kind === "https") {
    const check = parseHttp(text, kind, rest ?? "/");
    if (check) return check;
  }
  throw new DcsError("USAGE", `${what}: ${JSON.stringify(text)} is not a check`, {
    hint: `write one of ${CHECK_FORMS}`,
    details: { flag: what, value: text, allowed: CHECK_FORMS },
  });
}

function parseHttp(text: string, scheme: "http" | "https", rest: string): Check | null {
  if (/[\s\p{Cc}]/u.test(text)) return null;
  if (rest.startsWith("//")) {
    const url = URL.parse(text);
    return url && url.hostname !== "" ? httpCheck(text, { url }) : null;
  }
  if (rest === "") return httpCheck(text, { scheme, path: "/" });
  if (!rest.startsWith("/")) return null;
  // As a client would send it: escaped where needed, without the fragment.
  const url = URL.parse(rest, `${scheme}://instance`);
  return url ? httpCheck(text, { scheme, path: url.pathname + url.search }) : null;
}
