import { bindParams } from "../../mysql/bind-params.ts";
import { operationError } from "./operation-error.ts";
import { type Template, template } from "./request-numbers.ts";

const DEFAULT = "SELECT 1";
const ALLOWED = ["SELECT", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE", "CALL", "DO"];

/** Comments before the first word; not those that the server runs: `/*!`, `/*M!`. */
const BEFORE = /^(?:\s+|--(?=\s|$)[^\n]*|#[^\n]*|\/\*(?!M?!)[\s\S]*?\*\/|\()*/;

/**
 * Reads the statement that is sent to MySQL or MariaDB each time, with `{n}` and `{r}` (see RequestNumbers); SELECT 1 unless
 * given. USAGE for several statements, and for all that is not data: DROP, ALTER, SET, BEGIN…
 */
export function parseSqlOperation(text: string | null): Template {
  const sql = text ?? DEFAULT;
  const refuse = (why: string) =>
    operationError(sql, why, "give one statement, such as --op 'SELECT * FROM orders WHERE id = {r}'");
  const word = /^[a-z]+/i.exec(sql.replace(BEFORE, ""))?.[0].toUpperCase();
  if (word === undefined || !ALLOWED.includes(word)) {
    throw refuse(`${word ?? "this"} is not sent by a benchmark; allowed: ${ALLOWED.join(", ")}`);
  }
  try {
    bindParams(sql, []);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  return template(sql);
}
