const MASK = "***";
const SECRET_KEY = "(?:password|passwd|pass|pwd|secret|token|api[-_]?key|access[-_]?key)";

// The password runs to the last @ before the path, because people forget to encode an @ in it.
const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)([^\s/?#"'`]*)@/gi;
const QUERY = new RegExp(`([?&]${SECRET_KEY}=)[^&\\s"'#]+`, "gi");

/** The text with passwords of URLs, and secrets in their query, replaced by `***`. User names stay. */
export function redact(text: string): string {
  return text
    .replace(USER_INFO, (_all, scheme: string, info: string) => {
      const hosts = info.split(",").map((part) => {
        const at = part.lastIndexOf("@");
        return at < 0 ? maskUser(part) : `${maskUser(part.slice(0, at))}${part.slice(at)}`;
      });
      return `${scheme}${hosts.join(",")}@`;
    })
    .replace(QUERY, `$1${MASK}`);
}

function maskUser(info: string): string {
  const colon = info.indexOf(":");
  return colon < 0 ? info : `${info.slice(0, colon)}:${MASK}`;
}

/** The value with every string in it redacted; for details that go into JSON. */
export function redactDeep(value: unknown): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map(redactDeep);
  if (value !== null && typeof value === "object") {
    if (value instanceof Date) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redactDeep(inner)]));
  }
  return value;
}

/** A URL without its secrets. */
export const redactUrl: (url: string) => string = redact;
