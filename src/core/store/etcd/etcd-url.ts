import { isAbsolute } from "node:path";
import { DcsError } from "../../errors.ts";
import { redact } from "../../util/redact.ts";

/** Port of an endpoint that names none. */
const DEFAULT_PORT = 2379;

const PARAMETERS = ["ca", "cert", "key", "server-name"] as const;

const FORM = "etcd://[user:password@]host:port[,host:port…][/prefix][?ca=/file&cert=/file&key=/file]";

/** Files and names for TLS; absent files mean what Node trusts by default, and no client certificate. */
export interface EtcdTls {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** The name the server's certificate is checked against instead of the endpoint's host. */
  readonly serverName: string | null;
}

/** What an `etcd://` or `etcds://` URL says. Holds the password: never show it whole. */
export interface EtcdAddress {
  /** `host:port`, at least one. */
  readonly endpoints: readonly string[];
  readonly tls: EtcdTls | null;
  readonly user: string | null;
  readonly password: string;
  /** What stands before every key: empty, or a path that starts and ends with a slash. */
  readonly prefix: string;
  /** The URL without password and parameters, for people and JSON. */
  readonly shown: string;
}

/**
 * Reads `etcd://[user:password@]h1:2379[,h2:2379…][/prefix]`, and the same with `etcds://` and the parameters `ca`,
 * `cert`, `key` (absolute paths) and `server-name`. User, password, prefix and parameters are percent-decoded.
 */
export function parseEtcdUrl(url: string): EtcdAddress {
  const fail = (why: string) =>
    new DcsError("URL_INVALID", `store "${redact(url)}": ${why}`, {
      hint: `write it as ${FORM}`,
      details: { value: redact(url), allowed: FORM },
    });
  const [, scheme = "", authority = "", path = "", query = ""] =
    /^(etcds?):\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/is.exec(url) ?? [];
  if (scheme === "") throw fail("is not of the form of an etcd URL");
  // A password with a bare slash in it would be taken for a host, and shown.
  if (`${path}${query}`.includes("@"))
    throw fail("@ after the first / must be written %40, / in a password %2F");
  const at = authority.lastIndexOf("@");
  const [user = "", ...password] = at < 0 ? [] : authority.slice(0, at).split(":");
  if (at >= 0 && user === "") throw fail("has a password without a user");
  const decode = (text: string, what: string) => decoded(text, () => fail(`${what} is not percent-encoded`));
  const endpoints = authority
    .slice(at + 1)
    .split(",")
    .map((member) => endpoint(member, fail));
  const secure = scheme.toLowerCase() === "etcds";
  const parameters = readParameters(query, decode, fail);
  if (!secure && parameters.size > 0) throw fail("has TLS parameters; TLS needs etcds://");
  const prefix = decode(path, "the prefix").replace(/\/*$/, "/");
  return {
    endpoints,
    tls: secure ? toTls(parameters, fail) : null,
    user: at < 0 ? null : decode(user, "the user"),
    password: decode(password.join(":"), "the password"),
    prefix: prefix === "/" ? "" : prefix,
    shown: `${scheme.toLowerCase()}://${at < 0 ? "" : `${user}@`}${endpoints.join(",")}${path.replace(/\/+$/, "")}`,
  };
}

type Fail = (why: string) => DcsError;

function endpoint(member: string, fail: Fail): string {
  const [, host = "", port] =
    /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(member.replace(/^etcds?:\/\//i, "")) ?? [];
  if (host === "") throw fail("an endpoint is not host:port");
  return `${host}:${port ?? DEFAULT_PORT}`;
}

function readParameters(
  query: string,
  decode: (text: string, what: string) => string,
  fail: Fail,
): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const part of query.split("&").filter((text) => text !== "")) {
    const [, name = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
    if (!PARAMETERS.some((known) => known === name) || value === "") {
      throw fail(`the parameter "${name}" is unknown or empty; there are ${PARAMETERS.join(", ")}`);
    }
    parameters.set(name, decode(value, `the parameter ${name}`));
  }
  return parameters;
}

function toTls(parameters: ReadonlyMap<string, string>, fail: Fail): EtcdTls {
  const file = (name: string) => {
    const path = parameters.get(name) ?? null;
    if (path !== null && !isAbsolute(path)) throw fail(`${name}=${path} is not an absolute path`);
    return path;
  };
  const tls = { ca: file("ca"), cert: file("cert"), key: file("key") };
  if ((tls.cert === null) !== (tls.key === null)) throw fail("needs both cert= and key=, or neither");
  return { ...tls, serverName: parameters.get("server-name") ?? null };
}

function decoded(text: string, fail: () => DcsError): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw fail();
  }
}
