import type { CallState, RunState } from "../../core/saga/engine/run-state.ts";
import type { Output } from "../output.ts";

/** What was last said of one call. */
interface Told {
  readonly line: string;
  /** How many attempts and probes had ended without success when that was said last. */
  readonly failures: number;
}

const NOTHING: Told = { line: "", failures: 0 };

/**
 * Tells on stderr what changed in a run, a line a call: what is begun, with the number of the attempt, and an error only
 * when it happened. First the run's id, so that it can be found again whatever becomes of this process. What `before` says
 * is known already.
 */
export function tellSteps(out: Output, before?: RunState): (state: RunState) => void {
  const told = new Map<string, Told>();
  let isNamed = before !== undefined;
  const look = ({ steps }: RunState, say: (line: string) => void): void => {
    const begun: string[] = [];
    for (const [step, calls] of Object.entries(steps)) {
      for (const direction of ["do", "undo"] as const) {
        const name = direction === "do" ? step : `undo ${step}`;
        const last = told.get(name) ?? NOTHING;
        const lines = linesOf(name, calls[direction], last);
        const isBegun = calls[direction].status === "intent";
        const line = lines.at(-1);
        for (const each of lines) {
          if (each === last.line) continue;
          // What ended is why the next is begun.
          if (isBegun && each === line) begun.push(each);
          else say(each);
        }
        if (line !== undefined) told.set(name, { line, failures: failuresOf(calls[direction]) });
      }
    }
    for (const line of begun) say(line);
  };
  if (before !== undefined) look(before, () => {});
  return (state) => {
    if (!isNamed) out.note(`run ${state.runId}`);
    isNamed = true;
    look(state, (line) => out.note(line));
  };
}

/** Says, at the first Ctrl-C, what is waited for: a call that is under way may take long. */
export function tellStop(out: Output, signal: AbortSignal): void {
  signal.addEventListener(
    "abort",
    () =>
      out.note("stopping: what is under way is written down when it ends; Ctrl-C again leaves it at once"),
    { once: true },
  );
}

function linesOf(name: string, call: CallState, last: Told): readonly string[] {
  const { status, asks, attempts, probes, error } = call;
  const which = attempts > 1 ? ` (attempt ${attempts})` : "";
  const because = error === null ? "" : `: ${error.message}`;
  switch (status) {
    case "skipped":
      return [];
    case "pending":
      return error === null || attempts === 0 ? [] : [`${name}  ${error.kind}${which}${because}`];
    case "intent": {
      const begun =
        asks === "probe"
          ? `${name}  asked whether it took effect (probe ${probes})`
          : `${name}  begun${which}`;
      // The next attempt may be begun in the same breath as the one before it fails.
      const isUntold = error !== null && failuresOf(call) > last.failures;
      return isUntold ? [`${name}  ${error.kind}${because}`, begun] : [begun];
    }
    default:
      return [`${name}  ${status}${which}${because}`];
  }
}

function failuresOf({ status, attempts, probes }: CallState): number {
  return attempts + probes - (status === "intent" ? 1 : 0);
}
