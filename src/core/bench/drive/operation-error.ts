import { DcsError } from "../../errors.ts";

/** USAGE: what `--op` asks for is not what can be done again and again, or cannot be read. */
export function operationError(text: string, why: string, hint: string): DcsError {
  return new DcsError("USAGE", `--op ${JSON.stringify(text)}: ${why}`, {
    hint,
    details: { flag: "--op", value: text },
  });
}
