import { DcsError } from "../../core/errors.ts";
import type { Output } from "../output.ts";

/** Writes files of a result that took long to measure: what goes wrong is returned, so that the result is told all the same. */
export async function failureToWrite(write: () => Promise<void>): Promise<DcsError | null> {
  try {
    await write();
    return null;
  } catch (error) {
    if (error instanceof DcsError) return error;
    throw error;
  }
}

/** What the command fails with: the verdict's failure before that of a file, which is then a warning. */
export function worstOf(
  failure: DcsError | null,
  unwritten: DcsError | null,
  data: object,
  out: Output,
): DcsError | null {
  if (unwritten === null) return failure;
  const { code, message, hint, details, cause } = unwritten;
  if (failure === null) return new DcsError(code, message, { hint, details, cause, data });
  out.warn("UNWRITTEN", message);
  return failure;
}
