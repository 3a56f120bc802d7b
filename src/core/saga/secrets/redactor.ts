import { redact } from "../../util/redact.ts";
import type { Json } from "../definition/expression.ts";

export const REDACTED = "[redacted]";

/** A shorter value is found in too many texts that have nothing to do with it: only a text that is it, and nothing else, goes. */
const SHORTEST = 4;

const AUTHORIZATION = /((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:[a-z]+\s+)?)[^\s"',;]+/gi;
const BEARER = /\b((?:bearer|basic)\s+)[\w.~+/=-]{8,}/gi;

/**
 * Puts "[redacted]" in place of known secret values, also percent-encoded, as JSON or as base64, and hides passwords of URLs and
 * what stands behind `Authorization:`. A best effort against whoever sends a secret back in pieces.
 */
export class Redactor {
  readonly #whole: ReadonlySet<string>;
  readonly #pattern: RegExp | null;

  /** Of lists and objects every text and number in them. */
  constructor(values: readonly Json[]) {
    const leaves = [...new Set(values.flatMap(leavesOf))].filter((leaf) => leaf !== "");
    this.#whole = new Set(leaves);
    const forms = leaves.filter((leaf) => leaf.length >= SHORTEST).flatMap(formsOf);
    const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length);
    this.#pattern = longestFirst.length === 0 ? null : new RegExp(longestFirst.map(escaped).join("|"), "g");
  }

  text(text: string): string {
    if (this.#whole.has(text)) return REDACTED;
    const known = this.#pattern === null ? text : text.replace(this.#pattern, REDACTED);
    return redact(known).replace(AUTHORIZATION, `$1${REDACTED}`).replace(BEARER, `$1${REDACTED}`);
  }

  /** Only the known values: for what is kept and read again, where a mere guess would do harm. */
  json(value: Json): Json {
    if (this.#pattern === null && this.#whole.size === 0) return value;
    return this.#map(value, (text) => this.#known(text));
  }

  /** As `text`, in every text of it. */
  shown(value: Json): Json {
    return this.#map(value, (text) => this.text(text));
  }

  #known(text: string): string {
    if (this.#whole.has(text)) return REDACTED;
    return this.#pattern === null ? text : text.replace(this.#pattern, REDACTED);
  }

  #isSecret(value: number): boolean {
    const text = String(value);
    return text.length >= SHORTEST && this.#whole.has(text);
  }

  #map(value: Json, change: (text: string) => string): Json {
    if (typeof value === "string") return change(value);
    if (typeof value === "number") return this.#isSecret(value) ? REDACTED : value;
    if (typeof value !== "object" || value === null) return value;
    if (isList(value)) return value.map((each) => this.#map(each, change));
    const entries = Object.entries(value).map(([key, each]) => [change(key), this.#map(each, change)]);
    return Object.fromEntries(entries) as Json;
  }
}

function leavesOf(value: Json): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "number") return [String(value)];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((each: Json) => leavesOf(each));
}

/** How a value looks in an address, in JSON, in JSON within JSON, and in base64 of its own. */
function formsOf(value: string): readonly string[] {
  const quoted = JSON.stringify(value).slice(1, -1);
  const bytes = Buffer.from(value);
  const base64 = bytes.toString("base64").replace(/=+$/, "");
  return [
    value,
    encodeURIComponent(value.toWellFormed()),
    quoted,
    JSON.stringify(quoted).slice(1, -1),
    base64,
    bytes.toString("base64url"),
  ];
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function isList(value: readonly Json[] | { readonly [key: string]: Json }): value is readonly Json[] {
  return Array.isArray(value);
}
