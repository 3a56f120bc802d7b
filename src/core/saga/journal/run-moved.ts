import { DcsError } from "../../errors.ts";

/** RUN_MOVED: another run of the same root lives, or has a generation that this one would take. */
export function runMoved(rival: string, rootId: string): DcsError {
  const what = rival === rootId ? `run ${rival} has not ended` : `run ${rival} replays ${rootId} already`;
  return new DcsError("RUN_MOVED", what, { details: { run: rival, root: rootId } });
}
