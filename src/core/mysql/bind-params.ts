import { literal } from "./sql-text.ts";

/** What may stand for a `?` of a statement; an array for a list: `IN (?)`. A Date is written in UTC. */
export type SqlParam = SqlScalar | readonly SqlScalar[];
type SqlScalar = string | number | bigint | boolean | null | Date | Uint8Array;

/** Strings, quoted names and comments, in which nothing is looked for; then what is. Loops are unrolled: strings may be long. */
const TOKENS =
  /'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|"[^"\\]*(?:(?:\\.|"")[^"\\]*)*"|`[^`]*`|--(?=\s|$)[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|\?|;/gs;

/**
 * Puts parameters in the place of the `?` of a statement, as SQL writes them (see `literal`), leaving strings and comments
 * alone. A TypeError where their numbers differ, a value has no form in SQL, or a second statement follows.
 */
export function bindParams(sql: string, params: readonly SqlParam[]): string {
  let used = 0;
  let end = -1;
  const text = sql.replace(TOKENS, (token: string, offset: number) => {
    if (token === ";" && end < 0) end = offset;
    if (token !== "?") return token;
    const place = used++;
    return place < params.length ? written(params[place], used) : token;
  });
  if (used !== params.length) {
    throw new TypeError(`the statement has ${used} ?, and ${params.length} parameters are given`);
  }
  // What comes before the end has kept its place or grown, so it is looked for in what was given.
  if (
    end >= 0 &&
    /[^\s;]/.test(sql.slice(end).replace(TOKENS, (token) => (/^['"`?]/.test(token) ? "x" : "")))
  ) {
    throw new TypeError("there is a second statement after a ;");
  }
  return text;
}

function written(param: SqlParam | undefined, place: number): string {
  if (!Array.isArray(param)) return scalar(param as SqlScalar | undefined, place);
  if (param.length === 0) throw new TypeError(`parameter ${place} is an empty list`);
  return param.map((each) => scalar(each, place)).join(", ");
}

function scalar(value: SqlScalar | undefined, place: number): string {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new TypeError(`parameter ${place} is an invalid Date`);
    return `'${value.toISOString().replace("T", " ").replace("Z", "")}'`;
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return literal(value);
  if (typeof value === "number") return literal(value);
  throw new TypeError(
    `parameter ${place} is ${value === undefined ? "undefined" : `a ${typeof value}`}, not a value`,
  );
}
