import { DcsError } from "../../errors.ts";
import type { Audit, Journal, NewRun, RunRecord } from "../journal/journal.ts";
import type { Order } from "./refuse-run.ts";
import { type ReplayPlan, refuseBlocked } from "./replay-plan.ts";

export interface BeginReplayParts extends Order {
  readonly journal: Pick<Journal, "request">;
  /** Writes a child run down. */
  readonly startChild: (run: Omit<NewRun, "txid" | "lease">) => Promise<void>;
  /** What was asked for, for the audit. */
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Begins what the plan says, and gives the id of the run that does it. RUN_STATE where a step is blocked, PLAN_STALE where
 * the run has moved since it was looked at, RUN_MOVED where another replay began first.
 */
export async function beginReplay(
  plan: ReplayPlan,
  record: RunRecord,
  parts: BeginReplayParts,
): Promise<string> {
  refuseBlocked(plan);
  const audit = auditOf(plan, parts);
  const { how } = plan;
  if (how.kind === "itself") {
    await parts.journal.request(plan.run, (present) => {
      if (present.seq !== record.seq) throw moved(plan, record, present);
      return { event: how.event, audit };
    });
    return plan.run;
  }
  const { state, calls } = how;
  await parts.startChild({
    state,
    calls,
    saga: record.saga,
    businessKey: null,
    events: [{ type: "started", message: `replays ${plan.run}: ${parts.reason} (${parts.actor})` }],
    audit,
  });
  return state.runId;
}

function auditOf({ run, steps }: ReplayPlan, { actor, reason, details }: BeginReplayParts): Audit {
  const done = steps.map(({ name, action, generation }) => ({ step: name, action, generation }));
  const superseded = steps.flatMap(({ name, supersedes }) =>
    supersedes === null ? [] : [{ step: name, ...supersedes }],
  );
  return { verb: "saga.replay", actor, reason, details: { ...details, run, steps: done, superseded } };
}

function moved({ run }: ReplayPlan, before: RunRecord, present: RunRecord): DcsError {
  return new DcsError("PLAN_STALE", `run ${run} has moved since it was looked at; nothing was done`, {
    details: { run, seq: { planned: before.seq, present: present.seq }, status: present.state.status },
    hint: `look again: dcs saga replay ${run} --dry-run`,
  });
}
