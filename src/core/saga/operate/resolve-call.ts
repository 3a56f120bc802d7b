import { DcsError } from "../../errors.ts";
import type { Definition, Step } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import { settledFrom } from "../engine/rules.ts";
import type { Direction } from "../engine/run-state.ts";
import type { Journal, RunRecord } from "../journal/journal.ts";
import { type Order, refuseRun } from "./refuse-run.ts";
import { callOf } from "./run-view.ts";
import { moment, nameOf } from "./say.ts";

/** What a person found out of a call whose outcome is not known. */
export interface Verdict {
  readonly step: string;
  readonly direction: Direction;
  readonly as: "done" | "not-done";
  /** How it was found out: a number of the service, a ticket. */
  readonly evidence: string;
  /** What the call gave, where it is done; later steps may read it. */
  readonly output: Json;
}

/** Throws RUN_STATE where there is nothing to say of that call, or it is too early; USAGE for a step that is not there. */
export function refuseVerdict(
  record: RunRecord,
  verdict: Verdict,
  definition: Definition,
  now: number,
): void {
  const step = stepOf(record, verdict, definition);
  const { state, owner, dueAt } = record;
  const { direction, as } = verdict;
  const what = nameOf(step.name, direction);
  const call = callOf(record, step.name, direction);
  const refused = (why: string, hint?: string) => refuseRun(record, "resolved", why, hint);
  if (!["unknown", "parked", "intent"].includes(call.status)) {
    throw refused(`${what} is ${call.status}, so there is nothing to find out of it`);
  }
  const show = `dcs saga show ${state.runId} --watch`;
  if (call.status === "intent" && owner !== null && dueAt !== null && dueAt > now) {
    throw refused(`an attempt of ${what} is under way, and ${owner} waits for its answer`, show);
  }
  const settled = settledFrom(call, step);
  // Until then an attempt may still arrive: what is not done now may be done later.
  if (as === "not-done" && call.deadlineAt !== null && now < settled) {
    throw refused(
      `until ${moment(settled, now)} an attempt of ${what} may still arrive`,
      "look again after that time",
    );
  }
}

/** Says what became of a call; the run goes on from there. RUN_STATE, RUN_NOT_FOUND, USAGE. */
export async function resolveCall(
  journal: Pick<Journal, "request" | "now">,
  runId: string,
  verdict: Verdict,
  { actor, reason, definition }: Order & { readonly definition: Definition },
): Promise<RunRecord> {
  const now = await journal.now();
  const { step, direction, as, evidence, output } = verdict;
  return journal.request(runId, (record) => {
    refuseVerdict(record, verdict, definition, now);
    return {
      event: { type: "resolved", step, direction, as, output },
      audit: { verb: "saga.resolve", actor, reason, details: { step, direction, as, evidence } },
    };
  });
}

function stepOf({ state }: RunRecord, { step: name, direction }: Verdict, { steps }: Definition): Step {
  const step = steps.find((each) => each.name === name);
  const allowed = steps.map((each) => each.name);
  if (step === undefined) {
    throw new DcsError(
      "USAGE",
      `STEP: run ${state.runId} has no step "${name}"; there are ${allowed.join(", ")}`,
      {
        hint: "name one of its steps",
        details: { argument: "STEP", value: name, allowed },
      },
    );
  }
  if (direction === "undo" && step.compensate === null) {
    throw new DcsError("USAGE", `--undo: step ${name} has no compensation`, {
      hint: "leave --undo out",
      details: { flag: "--undo", step: name },
    });
  }
  return step;
}
