import { constants } from "node:os";

/** How a process ended: by exit (`code`) or by a signal (`signal`). */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The status a shell would show for it: the code, or 128 + the number of the signal. */
export function exitStatus(exit: ProcessExit): number {
  if (exit.signal !== null) return 128 + constants.signals[exit.signal];
  return exit.code ?? 1;
}
