import { DcsError } from "../../errors.ts";
import type { Definition } from "../definition/definition.ts";
import type { Json } from "../definition/expression.ts";
import { inOrder } from "../definition/step-graph.ts";
import type { RunEvent } from "../engine/event.ts";
import { callKey, type RunState, type StepState } from "../engine/run-state.ts";
import { type CallChange, callId, type RunRecord } from "../journal/journal.ts";
import { decideStep } from "./decide-step.ts";
import { decideUndo } from "./decide-undo.ts";
import { definitionDifference, type StepDifference } from "./definition-difference.ts";
import { ReplayLook } from "./replay-look.ts";
import type { DecidedStep, PrepareReplay, ReplayStep } from "./replay-step.ts";
import { ENDED } from "./run-view.ts";

export interface ReplayOptions {
  /** That step and all behind it run anew; null for what is not done. */
  readonly from: string | null;
  /** The whole input, checked and sealed, where it is another one; null keeps it. */
  readonly input: Json | null;
  /** What has an effect that stands may be done anew under another key: the old effect counts no more. */
  readonly newKey: boolean;
  /** Another definition to go on with; null for the run's own. */
  readonly definition: { readonly definition: Definition; readonly hash: string } | null;
}

export interface ReplayParts {
  /** The run's own definition. */
  readonly definition: Definition;
  /** Runs of the same root, oldest first, this one among them. */
  readonly family: readonly RunRecord[];
  readonly prepare: PrepareReplay;
  /** The id of a child run, should there be one. */
  readonly childId: string;
  /** The journal's time, epoch ms. */
  readonly now: number;
}

/** What a replay of a run would do, step by step, and what begins it. */
export interface ReplayPlan {
  readonly run: string;
  /** In the order in which they could be done. */
  readonly steps: readonly ReplayStep[];
  readonly differences: readonly StepDifference[];
  /** A run that has ended is replayed by a child run; a parked one goes on as itself. */
  readonly how:
    | { readonly kind: "child"; readonly state: RunState; readonly calls: readonly CallChange[] }
    | { readonly kind: "itself"; readonly event: Extract<RunEvent, { readonly type: "replayed" }> };
}

/**
 * Plans the replay of a run that has ended or is parked. No key is sent again whose compensation was ever begun, and none
 * with another request: such a step takes a generation that nobody of the family has. USAGE where `from` names no step;
 * RUN_STATE where there is nothing to replay, or where another run must be replayed instead.
 */
export function planReplay(record: RunRecord, options: ReplayOptions, parts: ReplayParts): ReplayPlan {
  refuse(record, options, parts);
  const { state } = record;
  const target = options.definition?.definition ?? parts.definition;
  const isChild = ENDED.includes(state.status);
  const look = new ReplayLook(record, options, parts);
  const decide = !isChild && state.direction === "undo" ? decideUndo : decideStep;
  const decided = [...inOrder(target.steps).map((step) => decide(step, look)), ...look.removed()];
  const steps = decided.map(({ shown }) => shown);
  if (isChild && steps.every(({ action }) => action === "REUSE")) throw nothingToDo(record, options);
  return {
    run: state.runId,
    steps,
    differences: definitionDifference(parts.definition, target),
    how: isChild ? child(record, options, parts, decided) : itself(record, options, decided),
  };
}

/** Throws RUN_STATE where a step of the plan is blocked. */
export function refuseBlocked({ run, steps }: ReplayPlan): void {
  const blocked = steps.filter(({ action }) => action === "BLOCKED");
  const [first] = blocked;
  if (first === undefined) return;
  const reasons = blocked.map(({ name, reason }) => `${name}: ${reason}`);
  throw new DcsError("RUN_STATE", `run ${run} cannot be replayed so: ${reasons.join("; ")}`, {
    details: { run, blocked: blocked.map(({ name, reason, hint }) => ({ step: name, reason, hint })) },
    hint: first.hint ?? `dcs saga why ${run}`,
  });
}

function child(
  record: RunRecord,
  { input, definition }: ReplayOptions,
  { childId }: ReplayParts,
  decided: readonly DecidedStep[],
): ReplayPlan["how"] {
  const { rootId, runId, defHash } = record.state;
  const steps = statesOf(decided);
  const reused = new Set(
    decided.filter(({ shown }) => shown.action === "REUSE").map(({ shown }) => shown.name),
  );
  const state: RunState = {
    runId: childId,
    rootId,
    parentRun: runId,
    defHash: definition?.hash ?? defHash,
    status: "running",
    direction: "do",
    input: input ?? record.state.input,
    cause: null,
    steps,
  };
  const calls = Object.entries(steps).flatMap(([step, both]) =>
    (["do", "undo"] as const).map((direction): CallChange => {
      const isTakenOver = direction === "do" && reused.has(step);
      return {
        step,
        direction,
        key: callKey(rootId, step, direction, both[direction].generation),
        inputHash: isTakenOver ? (record.inputHashes[callId(step, direction)] ?? null) : null,
        isOwn: direction === "do" && !isTakenOver,
      };
    }),
  );
  return { kind: "child", state, calls };
}

function itself(
  { state }: RunRecord,
  { input }: ReplayOptions,
  decided: readonly DecidedStep[],
): ReplayPlan["how"] {
  return {
    kind: "itself",
    event: { type: "replayed", input: input ?? state.input, steps: statesOf(decided) },
  };
}

function statesOf(decided: readonly DecidedStep[]): Readonly<Record<string, StepState>> {
  return Object.fromEntries(
    decided.flatMap(({ shown, state }) => (state === null ? [] : [[shown.name, state] as const])),
  );
}

function refuse(
  { state, requests }: RunRecord,
  { from, input, definition }: ReplayOptions,
  parts: ReplayParts,
): void {
  const { runId, status, direction } = state;
  const { steps } = definition?.definition ?? parts.definition;
  if (from !== null && !steps.some(({ name }) => name === from)) {
    const allowed = steps.map(({ name }) => name);
    throw new DcsError(
      "USAGE",
      `--from: run ${runId} has no step "${from}"; there are ${allowed.join(", ")}`,
      {
        hint: "name one of its steps",
        details: { flag: "--from", value: from, allowed },
      },
    );
  }
  const newest = parts.family.at(-1)?.state.runId ?? runId;
  if (newest !== runId) {
    throw refusal(
      runId,
      `it has been replayed already, and what it did may be undone since: run ${newest} goes on from there`,
      {
        hint: `dcs saga replay ${newest}`,
      },
    );
  }
  if (status === "running" || status === "compensating") {
    throw refusal(runId, `it is still going (${status})`, { hint: `dcs saga show ${runId} --watch` });
  }
  if (requests.length > 0) {
    // What comes of that is not known yet: a plan that is made before would be dropped without a word.
    throw refusal(runId, "something was asked of it that nobody has taken up yet", {
      hint: `dcs saga show ${runId} --watch`,
    });
  }
  if (status === "parked" && definition !== null) {
    throw refusal(runId, "it is parked and goes on with the definition that it began with", {
      hint: `leave the new definition out, or undo the run first: dcs saga compensate ${runId} --reason "…"`,
    });
  }
  if (status === "parked" && direction === "undo" && (from !== null || input !== null)) {
    const flag = from === null ? "--input" : "--from";
    throw refusal(runId, `it is being undone, so ${flag} has no meaning: it can only be undone further`, {
      hint: `dcs saga replay ${runId} --dry-run`,
    });
  }
}

function nothingToDo({ state: { runId, status } }: RunRecord, { input, from }: ReplayOptions): DcsError {
  const why =
    input === null && from === null
      ? `it is ${status} and all that it did stands`
      : "the new input changes no request of it";
  return refusal(runId, `there is nothing to do: ${why}`, {
    hint: `name the step to begin from: dcs saga replay ${runId} --from STEP --dry-run`,
  });
}

function refusal(runId: string, why: string, { hint }: { readonly hint: string }): DcsError {
  return new DcsError("RUN_STATE", `run ${runId} cannot be replayed: ${why}`, {
    hint,
    details: { run: runId },
  });
}
