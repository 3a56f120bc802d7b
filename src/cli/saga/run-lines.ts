import type { CallError } from "../../core/saga/engine/run-state.ts";
import type { CallView, RunView, StepView } from "../../core/saga/operate/run-view.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { shortened } from "../../core/util/shortened.ts";
import { layoutTable, printable } from "../text.ts";

const MAX_ERROR = 80;
const MAX_INPUT = 200;

/** A run in a few lines: how it stands, and a table of its steps. Harmless for a terminal. */
export function runLines(view: RunView): readonly string[] {
  const { run, saga, status, parent, businessKey, durationMs, owner, error, waiting, steps } = view;
  const input = shortened(JSON.stringify(view.input), MAX_INPUT);
  const cells = steps.map(stepCells);
  const table = layoutTable({
    head: ["  STEP", "STATE", "ATTEMPTS", "TOOK", "UNDO", "ERROR"],
    rows: cells.map(([name = "", ...rest]) => [`  ${name}`, ...rest]),
  });
  return [
    `run     ${run}${parent === null ? "" : ` (replays ${parent})`}`,
    `saga    ${saga}${businessKey === null ? "" : `, key ${businessKey}`}`,
    ...(input === "{}" ? [] : [`input   ${input}`]),
    `status  ${status}, ${formatDuration(durationMs)}${owner === null ? "" : `, executed by ${owner}`}`,
    ...(error === null
      ? []
      : [`error   ${error.step === null ? "" : `${error.step}: `}${oneLine(error.message)}`]),
    ...waiting.map(({ verb, at }) => `asked   ${verb} at ${at}, not taken up yet`),
    ...table,
  ].map(printable);
}

function stepCells(step: StepView): readonly string[] {
  const { name, state, attempts, reused, durationMs, undo } = step;
  return [
    name,
    reused ? `${state} (taken over)` : state,
    attempts === 0 ? "-" : String(attempts),
    durationMs === null ? "-" : formatDuration(durationMs),
    undo === null ? "-" : undoCell(undo),
    sayError(undo?.error ?? step.error),
  ];
}

function undoCell({ state, attempts }: CallView): string {
  return attempts > 1 ? `${state} (${attempts} attempts)` : state;
}

function sayError(error: CallError | null): string {
  return error === null ? "" : shortened(oneLine(error.message), MAX_ERROR);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}
