import { isIPv6 } from "node:net";
import { DcsError } from "../errors.ts";

const SERVICE_NAME = /^[A-Za-z0-9._-]+$/;
const HOST_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const PORT = /^[1-9]\d{0,4}$/;
const MAX_NAME = 255;

/** Where an instance listens. `address` is the one way it is written: `host:port`, IPv6 in brackets. */
export interface Endpoint {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly address: string;
}

/** The name itself, or NAME_INVALID naming it and the rule it breaks. */
export function checkServiceName(name: string): string {
  const rule = brokenNameRule(name);
  if (rule === null) return name;
  throw new DcsError("NAME_INVALID", `${JSON.stringify(name)} cannot be a service name: ${rule}`, {
    hint: "service names use A-Z a-z 0-9 . _ - only",
    details: { name, rule },
  });
}

/** The rule a service name breaks, in words; null for a good name. */
export function brokenNameRule(name: string): string | null {
  if (name === "") return "it is empty";
  if (/[\r\n]/.test(name)) return "it holds a newline";
  if (name === "." || name === "..") return 'it may not be "." or ".."';
  if (name.length > MAX_NAME) return `it is longer than ${MAX_NAME} characters`;
  if (name.includes("/")) return 'it holds a "/"';
  if (!SERVICE_NAME.test(name)) return "it holds a character other than A-Z a-z 0-9 . _ -";
  return null;
}

/** The rule a version, zone or tag breaks, in words; null for a good one. */
export function brokenLabelRule(text: string): string | null {
  if (text === "") return "it is empty";
  if (text.length > MAX_NAME) return `it is longer than ${MAX_NAME} characters`;
  return /\p{Cc}/u.test(text) ? "it holds a control character" : null;
}

/** `HOST:PORT` or `[v6]:PORT`. USAGE, naming `flag`, for anything else. */
export function parseEndpoint(text: string, flag: string): Endpoint {
  const rule = brokenEndpointRule(text);
  if (rule !== null) {
    throw new DcsError("USAGE", `${flag}: ${JSON.stringify(text)} is not an endpoint: ${rule}`, {
      hint: "write HOST:PORT, such as 10.0.0.7:8080, or [::1]:8080 for IPv6",
      details: { flag, value: text, rule },
    });
  }
  const colon = text.lastIndexOf(":");
  const written = text.slice(0, colon);
  const host = written.startsWith("[") ? written.slice(1, -1) : written;
  return { host, port: Number(text.slice(colon + 1)), address: text };
}

/** The rule an endpoint breaks, in words; null for a good one. */
export function brokenEndpointRule(text: string): string | null {
  if (/[\r\n]/.test(text)) return "it holds a newline";
  const colon = text.lastIndexOf(":");
  if (colon < 0) return "the port is missing";
  const host = text.slice(0, colon);
  const port = text.slice(colon + 1);
  if (host === "") return "the host is missing";
  if (host.startsWith("[")) {
    if (!host.endsWith("]") || !isIPv6(host.slice(1, -1))) return "there is no IPv6 address in the brackets";
  } else if (host.includes(":")) {
    return "an IPv6 address stands in brackets";
  } else if (host.length > MAX_NAME || !HOST_NAME.test(host)) {
    return "the host is not a host name or address";
  }
  if (!PORT.test(port) || Number(port) > 65_535) return "the port is not a number from 1 to 65535";
  return null;
}
