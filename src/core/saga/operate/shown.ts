import type { Json } from "../definition/expression.ts";

/** What stands for a value that was sealed before it was written down. */
const SEALED = "[sealed]";

/** A value as it may be shown: sealed values within it are not. */
export function shown(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map(shown);
  if (typeof value["$sealed"] === "string") return SEALED;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shown(each)]));
}

function isList(value: object): value is readonly Json[] {
  return Array.isArray(value);
}
