import { modulesUnderWay } from "../../core/saga/call/modules-under-way.ts";
import type { Output } from "../output.ts";

/** Of a run that is not over yet. */
const PENDING = 8;

/**
 * A module that calls `process.exit` ends dcs: says so while it ends, and which run stands still; an exit status of 0 would say
 * that the run is completed.
 */
export function tellExit(out: Pick<Output, "warn">): void {
  process.once("exit", (code) => {
    const modules = modulesUnderWay();
    // By a second Ctrl-C.
    if (modules.length === 0 || code === 130 || code === 143) return;
    const names = modules.map(({ name, run, step }) => `${name} (step ${step} of run ${run})`).join(", ");
    out.warn(
      "MODULE_EXITED",
      `process.exit(${code}) was called while ${names} was at work: it ends dcs, and what became of the step is not known; a worker, or \`dcs saga resume\`, goes on when the lease is over`,
    );
    if (code === 0) process.exitCode = PENDING;
  });
}
