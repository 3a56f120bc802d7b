import { isAbsolute } from "node:path";
import { DcsError } from "../errors.ts";

/**
 * The file that `embedded:` or `embedded:/path/to/file.db` names; `fallback` where it names none. `what` is what is kept there,
 * for the error: URL_INVALID.
 */
export function embeddedPath(url: string, what: string, fallback: string): string {
  const path = url.replace(/^embedded:(\/\/(?=\/))?/i, "");
  if (path === "") return fallback;
  if (!isAbsolute(path) || path.endsWith("/") || path.includes("\0")) {
    throw new DcsError("URL_INVALID", `${what} "${url}": the path must be absolute and name a file`, {
      details: { value: url, allowed: "embedded:/path/to/file.db" },
    });
  }
  return path;
}
