import { operationError } from "./operation-error.ts";
import { type RequestNumbers, template } from "./request-numbers.ts";
import { splitWords } from "./split-words.ts";

/** What is asked of etcd each time. */
export type EtcdOperation =
  | { readonly verb: "get" | "range"; readonly key: string }
  | { readonly verb: "put"; readonly key: string; readonly value: string };

/** A linearizable read, for which no key need be there. */
const DEFAULT = "get dcs-bench/probe";
const ALLOWED = "get KEY, put KEY VALUE or range PREFIX";

/**
 * Reads `get KEY`, `put KEY VALUE` or `range PREFIX`, with `{n}` and `{r}` (see RequestNumbers) in keys and values. What it
 * returns makes the operation of one request. USAGE for anything else.
 */
export function parseEtcdOperation(text: string | null): (numbers: RequestNumbers) => EtcdOperation {
  const [verb, key, value, ...rest] = splitWords(text ?? DEFAULT);
  const refuse = (why: string) => operationError(text ?? DEFAULT, why, `give ${ALLOWED}`);
  if (verb !== "get" && verb !== "put" && verb !== "range") {
    throw refuse(`${verb === undefined ? "it is empty" : `there is no ${verb}`}; allowed: ${ALLOWED}`);
  }
  if (key === undefined || (key === "" && verb !== "range")) throw refuse(`${verb} names no key`);
  if (verb === "put" ? value === undefined || rest.length > 0 : value !== undefined) {
    throw refuse(`${verb} takes ${verb === "put" ? "a key and a value" : "one key"}; quote what has spaces`);
  }
  const keyOf = template(key);
  if (verb !== "put") return (numbers) => ({ verb, key: keyOf(numbers) });
  const written = template(value ?? "");
  return (numbers) => ({ verb, key: keyOf(numbers), value: written(numbers) });
}
