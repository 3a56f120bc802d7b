import { DcsError } from "../../core/errors.ts";

/** What a signal makes of a benchmark, whatever the verdict would be: INTERRUPTED or TERMINATED, with what was measured. */
export function stoppedEarly({ reason }: AbortSignal, data: object): DcsError {
  const code = reason instanceof DcsError && reason.code === "INTERRUPTED" ? "INTERRUPTED" : "TERMINATED";
  return new DcsError(code, "the benchmark was stopped early", {
    data,
    hint: "what was measured until then was told; for a verdict let it run to its end",
  });
}
