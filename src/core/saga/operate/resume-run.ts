import type { Journal, RunRecord } from "../journal/journal.ts";
import { type Order, refuseRun } from "./refuse-run.ts";
import { ENDED } from "./run-view.ts";

/**
 * Asks for a run to go on: one that is parked with fresh budgets, one that nobody executes as it stands. RUN_STATE where it
 * has ended, RUN_NOT_FOUND.
 */
export async function resumeRun(
  journal: Pick<Journal, "request">,
  runId: string,
  { actor, reason }: Order,
): Promise<RunRecord> {
  return journal.request(runId, (record) => {
    const { status } = record.state;
    if (ENDED.includes(status)) {
      const hint = `begin it anew where needed: dcs saga replay ${runId} --dry-run`;
      throw refuseRun(record, "resumed", `it is ${status}, which is an end`, hint);
    }
    return {
      event: { type: "resumed" },
      audit: { verb: "saga.resume", actor, reason, details: { status } },
    };
  });
}
