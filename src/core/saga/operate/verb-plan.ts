import { z } from "zod";
import type { Plan } from "../../plan/plan.ts";
import type { Definition } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import type { RunRecord } from "../journal/journal.ts";
import type { StepDifference } from "./definition-difference.ts";
import type { ReplayPlan } from "./replay-plan.ts";
import type { ReplayStep } from "./replay-step.ts";
import type { Verdict } from "./resolve-call.ts";
import { callOf } from "./run-view.ts";
import { nameOf } from "./say.ts";
import type { TurnVerb } from "./turn-run.ts";

/** What every verb that changes a run is asked for. The reason may be given when the plan is done. */
const json = z.json() as z.ZodType<Json>;
const common = { run: z.string().min(1), reason: z.string().min(1).nullable() };

export const turnActionSchema = z.object(common);
export type TurnAction = z.infer<typeof turnActionSchema>;

export const resolveActionSchema = z.object({
  ...common,
  step: z.string(),
  direction: z.enum(["do", "undo"]),
  as: z.enum(["done", "not-done"]),
  evidence: z.string().min(1),
  output: json,
});
export type ResolveAction = z.infer<typeof resolveActionSchema>;

export const replayActionSchema = z.object({
  ...common,
  from: z.string().nullable(),
  /** The whole input, sealed, where it is another one. */
  input: json,
  newKey: z.boolean(),
  /** Another definition to go on with: its file, and the hash that it must have. */
  definition: z.object({ file: z.string(), hash: z.string() }).nullable(),
  /** The id of the child run, should there be one. */
  child: z.string(),
});
export type ReplayActionAsked = z.infer<typeof replayActionSchema>;

type Where = Pick<Plan, "madeAt" | "context" | "backend">;

/** The plan to turn a run around; it stands while the run has not moved. */
export function turnPlan(
  verb: TurnVerb,
  record: RunRecord,
  action: TurnAction,
  { definition, where }: { readonly definition: Definition; readonly where: Where },
): Plan {
  const isCancel = verb === "cancel";
  return {
    kind: `saga.${verb}`,
    ...where,
    what: `${isCancel ? "cancel" : "undo"} run ${record.state.runId} of saga ${record.saga}`,
    steps: [
      "then     begin no further step",
      ...definition.steps.toReversed().flatMap((step) => undoLines(record, step)),
    ],
    action: { ...action, run: record.state.runId },
    precondition: standing(record),
  };
}

function undoLines(
  record: RunRecord,
  { name, compensate, pivot }: Definition["steps"][number],
): readonly string[] {
  const { status } = callOf(record, name, "do");
  const undo = callOf(record, name, "undo");
  if (undo.status === "done" || ["pending", "failed", "skipped"].includes(status)) return [];
  const first = status === "done" ? "" : `find out whether ${name} took effect, and if so `;
  if (compensate !== null) return [`then     ${first}undo ${name}`];
  return [`then     leave what ${name} did: ${pivot ? "it is the point of no return" : "nothing undoes it"}`];
}

/** The plan to say what became of a call; it stands while the run has not moved. */
export function resolvePlan(record: RunRecord, action: ResolveAction, where: Where): Plan {
  const { step, direction, as, evidence } = action;
  const call = callOf(record, step, direction);
  const last = call.error === null ? "" : ` (${call.error.message})`;
  return {
    kind: "saga.resolve",
    ...where,
    what: `declare ${nameOf(step, direction)} of run ${record.state.runId} ${as}`,
    steps: [
      `now      ${call.status} after ${call.attempts} attempts${last}`,
      `evidence ${evidence}`,
      `then     the run goes on as if it ${as === "done" ? "took" : "never took"} effect`,
    ],
    action: { ...action, run: record.state.runId },
    precondition: standing(record),
  };
}

/** The plan to replay a run; it stands while neither it nor what would be done has changed. */
export function replayFilePlan(
  plan: ReplayPlan,
  record: RunRecord,
  action: ReplayActionAsked,
  where: Where,
): Plan {
  const { how, steps, differences } = plan;
  const goesOn = how.kind === "itself" ? "it goes on as itself" : `run ${how.state.runId} continues it`;
  return {
    kind: "saga.replay",
    ...where,
    what: `replay run ${record.state.runId} of saga ${record.saga}`,
    steps: [`how      ${goesOn}`, ...differences.map(differenceLine), ...steps.flatMap(stepLines)],
    action: { ...action, run: record.state.runId },
    precondition: { ...standing(record), steps },
  };
}

function differenceLine({ step, what, keys }: StepDifference): string {
  return `differs  ${step} ${what}${keys.length === 0 ? "" : `: ${keys.join(", ")}`}`;
}

function stepLines({ name, action, reason, key, request, supersedes, hint }: ReplayStep): readonly string[] {
  const line = `${action.padEnd(10)}  ${name}: ${reason}`;
  const sent = key === null ? [] : [`            key ${key}`];
  const asked = request === null ? [] : [`            ${JSON.stringify(request)}`];
  const old = supersedes === null ? [] : [`            supersedes key ${supersedes.key}`];
  return [line, ...sent, ...asked, ...old, ...(hint === null ? [] : [`            try: ${hint}`])];
}

function standing({ state, seq }: RunRecord): Readonly<Record<string, unknown>> {
  return { run: state.runId, status: state.status, seq };
}

/** What was said, without what only the plan needs. */
export function verdictOf({ step, direction, as, evidence, output }: ResolveAction): Verdict {
  return { step, direction, as, evidence, output };
}
