import { DcsError } from "../errors.ts";
import { brokenNameRule } from "../registry/names.ts";
import { redact } from "../util/redact.ts";

/** What is benchmarked. */
export type BenchTarget =
  | { readonly kind: "http"; readonly url: string }
  | {
      readonly kind: "service";
      readonly service: string;
      readonly version: string | null;
      /** With query; begins with a slash. */
      readonly path: string;
    }
  | {
      readonly kind: "grpc";
      /** `host:port` */
      readonly address: string;
      readonly secure: boolean;
      /** `package.Service` */
      readonly service: string;
      readonly method: string;
    }
  | { readonly kind: "redis" | "etcd" | "mysql"; readonly url: string }
  | { readonly kind: "lock"; readonly name: string };

const FORMS =
  "http://…, https://…, service://NAME[@VERSION]/path, grpc://HOST:PORT/pkg.Service/Method, redis://…, etcd://…, mysql://…, lock:NAME";

/** Reads the TARGET of `dcs bench`. USAGE for what is none. */
export function parseBenchTarget(text: string): BenchTarget {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase() ?? null;
  switch (scheme) {
    case "http":
    case "https":
      return { kind: "http", url: httpUrl(text) };
    case "service":
      return service(text);
    case "grpc":
    case "grpcs":
      return grpc(text, scheme === "grpcs");
    case "redis":
    case "rediss":
    case "redis+cluster":
    case "rediss+cluster":
    case "redis+sentinel":
    case "rediss+sentinel":
      return { kind: "redis", url: text };
    case "etcd":
    case "etcds":
      return { kind: "etcd", url: text };
    case "mysql":
      return { kind: "mysql", url: text };
    case "lock":
      return lock(text);
    default:
      // A host and a port look like a scheme, too.
      if (/^[^/]+:\d+(?:[/?#]|$)/.test(text))
        throw wrong(text, `it has no scheme; did you mean http://${text}?`);
      throw wrong(text, scheme === null ? "it has no scheme" : `nothing speaks ${scheme}:`);
  }
}

function httpUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw wrong(text, "it cannot be read as a URL");
  return url.href;
}

function service(text: string): BenchTarget {
  const [, name = "", version = null, path = ""] =
    /^service:\/\/([^/?#@]*)(?:@([^/?#]*))?(.*)$/is.exec(text) ?? [];
  const rule = brokenNameRule(name);
  if (rule !== null) throw wrong(text, `${JSON.stringify(name)} cannot be a service name: ${rule}`);
  if (version === "") throw wrong(text, "nothing stands after @");
  const rest = path.startsWith("/") ? path : `/${path}`;
  const url = URL.parse(`http://host${rest}`);
  if (url === null) throw wrong(text, "its path cannot be read");
  return { kind: "service", service: name, version, path: url.pathname + url.search };
}

function grpc(text: string, secure: boolean): BenchTarget {
  const [, address = "", service = "", method = ""] =
    /^grpcs?:\/\/([^/?#@]+:\d+)\/([A-Za-z_][\w.]*)\/([A-Za-z_]\w*)$/i.exec(text) ?? [];
  if (method === "") throw wrong(text, "a gRPC target is grpc://HOST:PORT/pkg.Service/Method");
  return { kind: "grpc", address, secure, service, method };
}

function lock(text: string): BenchTarget {
  const name = text.slice("lock:".length);
  if (name === "") throw wrong(text, "a lock target is lock:NAME");
  return { kind: "lock", name };
}

function wrong(text: string, why: string): DcsError {
  return new DcsError("USAGE", `TARGET: "${redact(text)}": ${why}`, {
    hint: `give one of ${FORMS}`,
    details: { argument: "TARGET", value: redact(text), allowed: FORMS },
  });
}

/** The target as people may read it: without passwords. */
export function sayTarget(target: BenchTarget): string {
  switch (target.kind) {
    case "service":
      return `service://${target.service}${target.version === null ? "" : `@${target.version}`}${target.path}`;
    case "grpc":
      return `grpc${target.secure ? "s" : ""}://${target.address}/${target.service}/${target.method}`;
    case "lock":
      return `lock:${target.name}`;
    default:
      return redact(target.url);
  }
}
