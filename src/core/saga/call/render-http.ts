import type { HttpAction } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import type { Rendering } from "./rendering.ts";

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined sends none. */
  readonly body: Json | undefined;
}

/** What dcs sends itself, and what belongs to the connection: a definition that set them would break both. */
const OURS =
  /^(?:idempotency-key|saga-.*|content-length|transfer-encoding|connection|keep-alive|proxy-connection|upgrade|expect|te|trailer)$/;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** No line breaks, no other control characters: a value must not become another header. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The host (and port) of an address, as far as an expression may give it. */
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
const IN_AUTHORITY = /^[a-z]+:\/\/[^/?#]*$/i;
const SCHEME = /^(?:https?|service):\/\//;
const DOTS = /^(?:\.|%2e){1,2}$/i;

/** Throws an Error that says what cannot be sent. */
export function renderHttp(action: HttpAction, rendering: Rendering): HttpRequest {
  const headers = Object.entries(action.headers).map(([name, template]) =>
    header(name.toLowerCase(), rendering.text(template)),
  );
  return {
    method: action.method,
    url: checkUrl(rendering.text(action.url, putIntoUrl)),
    headers: Object.fromEntries(headers) as Readonly<Record<string, string>>,
    body: action.body === undefined ? undefined : rendering.tree(action.body),
  };
}

/** The request as it is hashed: like `renderHttp`, and never throws. */
export function hashableHttp(action: HttpAction, rendering: Rendering): Json {
  const headers = Object.entries(action.headers).map(([name, template]) => [
    name.toLowerCase(),
    rendering.text(template),
  ]);
  return {
    method: action.method,
    url: rendering.text(action.url, putIntoUrl),
    headers: Object.fromEntries(headers) as Json,
    ...(action.body === undefined ? {} : { body: rendering.tree(action.body) }),
  };
}

/** A value may be a whole base address, a host, or a part of path or query; never more than its place. */
function putIntoUrl(value: string, before: string): string {
  if (before === "") return value;
  if (IN_AUTHORITY.test(before)) {
    if (!HOST.test(value) && !/^\d{1,5}$/.test(value)) {
      throw new Error(`${JSON.stringify(value)} cannot be the host or port of an address`);
    }
    return value;
  }
  if (value === "" && !/[?#]/.test(before)) throw new Error(`nothing to put into the path after ${before}`);
  return encodeURIComponent(value);
}

function checkUrl(url: string): string {
  if (!SCHEME.test(url)) {
    throw new Error(`the address ${JSON.stringify(url)} must begin with http://, https:// or service://`);
  }
  if (/[\s\p{Cc}\\]/u.test(url))
    throw new Error(`the address ${JSON.stringify(url)} has a character that none may have`);
  const [path = ""] = url.replace(SCHEME, "").split(/[?#]/);
  // They would be folded away, and name something else.
  if (path.split("/").some((segment) => DOTS.test(segment))) {
    throw new Error(`the address ${JSON.stringify(url)} has "." or ".." as a part of its path`);
  }
  if (URL.parse(url) === null) throw new Error(`the address ${JSON.stringify(url)} cannot be read`);
  return url;
}

function header(name: string, value: string): [string, string] {
  if (!HEADER_NAME.test(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of a header`);
  if (OURS.test(name)) throw new Error(`the header ${name} is set by dcs; leave it out`);
  if (!HEADER_VALUE.test(value)) {
    throw new Error(
      `the value of the header ${name} has a line break or another character that none may have`,
    );
  }
  return [name, value];
}
