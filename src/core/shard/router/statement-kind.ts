import { DcsError } from "../../errors.ts";

/**
 * What a statement is to the router. `read`: it changes nothing. `write`: it may change rows, and after one that changed none
 * the guard is read (see judgeGuard). `call`: of what a procedure did we see the last statement only, so it always is.
 */
export type StatementKind = "read" | "write" | "call";

const READS = ["select", "show", "explain", "describe", "desc", "values", "table"];
/** WITH may stand before UPDATE and DELETE (MySQL). */
const WRITES = ["insert", "update", "delete", "replace", "with", "do", "savepoint", "release"];

const SKIPPED = /^(?:\s+|\(|--(?=\s|$)[^\n]*|#[^\n]*|\/\*(?!M?!)[\s\S]*?\*\/)/;
/** Between words there may be anything that SKIPPED knows; what is refused is refused too often rather than too seldom. */
const BACK_TO = /^rollback\s+(?:work\s+)?to\s/i;
const MOVER = /@\s*['"`]?dcs_bucket/i;

/**
 * Kind of a statement by its first word. SHARD_STATEMENT_REFUSED for what a router cannot keep its promises for: it would end
 * the transaction (BEGIN, COMMIT, DDL, LOCK), change the session for those who come after (SET), pass by the triggers
 * (TRUNCATE), or by the fence (`@dcs_bucket`).
 */
export function statementKind(sql: string): StatementKind {
  let text = sql;
  for (let skipped = SKIPPED.exec(text); skipped !== null; skipped = SKIPPED.exec(text)) {
    text = text.slice(skipped[0].length);
  }
  const word = /^[a-z]+/i.exec(text)?.[0].toLowerCase() ?? "";
  if (MOVER.test(sql)) throw refused("@dcs_bucket", "belongs to dcs: it switches the fence off");
  if (READS.includes(word)) return "read";
  if (word === "call") return "call";
  if (WRITES.includes(word) || BACK_TO.test(text)) return "write";
  if (text === "") throw refused("", "there is no statement");
  throw refused(word === "" ? text.slice(0, 20) : word.toUpperCase(), "is no statement for a router");
}

function refused(word: string, why: string): DcsError {
  return new DcsError("SHARD_STATEMENT_REFUSED", word === "" ? why : `${word} ${why}`, {
    details: { statement: word, allowed: [...READS, ...WRITES, "call", "rollback to"] },
  });
}
