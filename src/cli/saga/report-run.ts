import type { Settings } from "../../core/config/settings.ts";
import { DcsError, type ErrorCode } from "../../core/errors.ts";
import type { RunState } from "../../core/saga/engine/run-state.ts";
import { runView } from "../../core/saga/operate/run-view.ts";
import { why } from "../../core/saga/operate/why.ts";
import type { Followed, Sagas } from "../../core/saga/run/sagas.ts";
import type { Output } from "../output.ts";
import { sameBackend } from "../where.ts";
import { runLines } from "./run-lines.ts";

export interface ReportParts {
  readonly sagas: Sagas;
  readonly settings: Settings;
  readonly out: Output;
  readonly signal: AbortSignal;
}

const CODES: Readonly<Partial<Record<RunState["status"], ErrorCode>>> = {
  compensated: "RUN_COMPENSATED",
  cancelled: "RUN_COMPENSATED",
  parked: "RUN_PARKED",
};

/**
 * How a run stands at the end of a verb that executes or follows it: the result where it is completed, else an error with
 * the exit status of its state and the same data.
 */
export async function reportRun(name: string, followed: Followed, parts: ReportParts): Promise<void> {
  const { sagas, settings, out, signal } = parts;
  const { record, isOver } = followed;
  const { runId, status } = record.state;
  const definition = await sagas.definitions.get(record.state.defHash);
  const [events, now] = await Promise.all([sagas.journal.events(runId), sagas.journal.now()]);
  const data = runView(record, definition, { events, now });
  if (isOver && status === "completed") {
    out.result(name, data, { lines: () => runLines(data), names: () => [runId] });
    return;
  }
  const { because, next } = why(record, definition, now);
  const where = sameBackend(settings, { confirm: true });
  const hint = next.map((command) => `${command}${where}`).join("; or ");
  const details = { run: runId, status };
  if (!isOver && signal.aborted) {
    throw new DcsError("INTERRUPTED", `interrupted; nothing is lost: run ${runId} goes on from here`, {
      hint: `dcs saga resume ${runId} --reason "…"${where}`,
      details,
    });
  }
  const code = isOver ? (CODES[status] ?? "RUN_PENDING") : "RUN_PENDING";
  throw new DcsError(code, `run ${runId} is ${status}: ${because}`, { hint, details, data });
}
