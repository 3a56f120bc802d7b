import type { RunView } from "../../core/saga/operate/run-view.ts";

/** A run in a few lines: how it stands, and every step. */
export function runLines({ run, saga, status, steps }: RunView): readonly string[] {
  return [
    `run     ${run}`,
    `saga    ${saga}`,
    `status  ${status}`,
    ...steps.map(({ name, state, attempts, undo }) => {
      const often = attempts > 1 ? ` (${attempts} attempts)` : "";
      const undone = undo === null || undo.state === "skipped" ? "" : `  undo: ${undo.state}`;
      return `  ${name}  ${state}${often}${undone}`;
    }),
  ];
}
