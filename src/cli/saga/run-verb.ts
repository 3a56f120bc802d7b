import type { Settings } from "../../core/config/settings.ts";
import { DcsError, isDcsError } from "../../core/errors.ts";
import { type Plan, planStale, refuseOtherPlace } from "../../core/plan/plan.ts";
import { readAction, readPlanFile } from "../../core/plan/plan-file.ts";
import type { Definition } from "../../core/saga/definition/definition.ts";
import type { RunRecord } from "../../core/saga/journal/journal.ts";
import { findRun } from "../../core/saga/operate/find-run.ts";
import type { Order } from "../../core/saga/operate/refuse-run.ts";
import { seenDefinition } from "../../core/saga/operate/seen-definition.ts";
import type { Redactor } from "../../core/saga/secrets/redactor.ts";
import { runRedactor } from "../../core/saga/secrets/run-redactor.ts";
import type { Store } from "../../core/store/store.ts";
import type { Output } from "../output.ts";
import { type PlanRequest, settlePlan } from "../plan.ts";
import { goOn } from "./go-on.ts";
import { type OpenSagas, openSagas } from "./open-sagas.ts";
import { actor, mandatoryReason } from "./operator-flags.ts";

/** What of a command a verb needs. */
export interface VerbPlaces {
  readonly settings: Settings;
  readonly out: Output;
  readonly signal: AbortSignal;
  readonly store: () => Promise<Store>;
}

/** The flags that all these verbs have. */
export interface VerbFlags extends NonNullable<PlanRequest["flags"]> {
  readonly plan?: string | undefined;
  readonly reason?: string | undefined;
  readonly detach?: boolean | undefined;
  readonly wait?: number | undefined;
}

interface VerbAction {
  readonly run: string;
  readonly reason: string | null;
}

/** What a verb looks at. */
export interface VerbLook {
  readonly opened: OpenSagas;
  readonly record: RunRecord;
  readonly definition: Definition;
  readonly where: Pick<Plan, "madeAt" | "context" | "backend">;
}

/** A verb that changes a run: what it would do, and how it is asked for. */
export interface RunVerb<A extends VerbAction> {
  /** `saga.cancel`: of its plans and its results. */
  readonly kind: string;
  readonly schema: Parameters<typeof readAction<A>>[2];
  /** What was typed; called unless a plan says it. */
  readonly typed: (look: VerbLook) => Promise<A> | A;
  /** Throws where it does not fit. */
  readonly plan: (action: A, look: VerbLook) => Promise<Plan> | Plan;
  /** Asks for it; gives the run to follow. */
  readonly ask: (action: A, look: VerbLook, order: Order) => Promise<string>;
}

/** Shows the plan or is told it, asks for what it says, and sees the run to its end or leaves it to the workers. */
export async function runVerb<A extends VerbAction>(
  verb: RunVerb<A>,
  run: string | undefined,
  flags: VerbFlags,
  places: VerbPlaces,
): Promise<void> {
  const { settings, out, signal } = places;
  const typedAs = `dcs ${verb.kind.replace(".", " ")}`;
  const saved = flags.plan === undefined ? null : await readPlanFile(flags.plan, verb.kind);
  const planned = saved === null ? null : readAction(flags.plan ?? "", saved, verb.schema);
  const id = runOf(run, planned);
  const mustHaveReason = flags["dry-run"] !== true;
  if (mustHaveReason) mandatoryReason(flags.reason ?? planned?.reason, typedAs);
  await using opened = await openSagas({ ...places, reader: places.out });
  const { journal, definitions } = opened.sagas;
  const where = {
    madeAt: new Date().toISOString(),
    context: settings.context?.name ?? null,
    backend: journal.url,
  };
  if (saved !== null) refuseOtherPlace(saved, where);
  const record = await findRun(journal, id);
  const { definition, problem } = await seenDefinition(record, definitions);
  if (problem !== null) throw problem;
  const look: VerbLook = { opened, record, definition, where };
  const action = planned ?? (await verb.typed(look));
  const present = await presentPlan(verb, action, look, saved);
  const besides = action.reason === null ? ' --reason "…"' : "";
  const request = { out, settings, flags, verb: typedAs, besides, present, saved, signal };
  if (!(await settlePlan(request))) return;
  const reason = redactor(look).text(mandatoryReason(flags.reason ?? action.reason, typedAs));
  const runId = await verb.ask(action, look, { actor: actor(), reason });
  await goOn(verb.kind, runId, flags, { ...places, opened });
}

/** Hides what the run and this process keep secret, in what an operator types. */
export function redactor({ record, definition, opened }: Omit<VerbLook, "where">): Redactor {
  return runRedactor(definition, record.state.input, opened.secrets);
}

/** With a plan, what does not fit any more is a plan that is out of date. */
async function presentPlan<A extends VerbAction>(
  verb: RunVerb<A>,
  action: A,
  look: VerbLook,
  saved: Plan | null,
): Promise<Plan> {
  try {
    return await verb.plan(action, look);
  } catch (error) {
    if (saved === null || !isDcsError(error, "RUN_STATE")) throw error;
    const { state, seq } = look.record;
    throw planStale(saved, ["status"], { run: state.runId, status: state.status, seq }, error);
  }
}

function runOf(typed: string | undefined, planned: VerbAction | null): string {
  const run = planned?.run ?? typed;
  if (run === undefined) {
    throw new DcsError("USAGE", "no run is named: give RUN, or --plan FILE", {
      hint: "`dcs saga ls` shows the runs",
      details: { missing: "RUN" },
    });
  }
  if (planned === null || typed === undefined || planned.run.startsWith(typed)) return run;
  throw new DcsError("USAGE", `the plan is for run ${planned.run}, not ${typed}`, {
    hint: "leave RUN out: the plan names the run",
    details: { plan: planned.run, run: typed },
  });
}
