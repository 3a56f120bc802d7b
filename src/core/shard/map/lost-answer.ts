import { isDcsError } from "../../errors.ts";

/** True unless it is certain that the transaction that failed so was not made, and will not be. */
export function isAnswerLost(error: unknown): boolean {
  if (!isDcsError(error)) return true;
  return error.code === "STORE_UNREACHABLE" && error.details["outcome"] === "unknown";
}
