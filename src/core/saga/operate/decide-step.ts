import type { Step } from "../definition/definition.ts";
import { type CallState, type StepState, UNTOUCHED } from "../engine/run-state.ts";
import { again, isKeyKnown, isUndoBegun, mayHaveEffect, saying, stands } from "./call-facts.ts";
import type { ReplayLook } from "./replay-look.ts";
import type { DecidedStep, ReplayStep } from "./replay-step.ts";

/** What a replay does with a step of a run that goes, or went, forward. */
export function decideStep(step: Step, look: ReplayLook): DecidedStep {
  const before = look.before(step.name);
  if (before === null) return anew(step, look, "it is new in the definition");
  const { do: call } = before;
  if (look.isChild && isUndoBegun(before.undo)) return anew(step, look, "it was undone");
  if (stands(before)) return standing(step, before, look);
  if (!look.isChild && mayHaveEffect(call)) return unsure(step, before, look);
  const why = look.whyAnew(step);
  if (look.isChild)
    return anew(step, look, call.status === "failed" ? `it failed${saying(call)}` : "it was never done");
  if (call.attempts === 0) return same(step, before, look, "it is the next to be done");
  if (why !== null) return anew(step, look, `it had no effect, and ${why}`);
  if (look.options.newKey) return anew(step, look, `it had no effect${saying(call)}`);
  return same(step, before, look, `it had no effect${saying(call)}; it is tried again under its key`);
}

function standing(step: Step, before: StepState, look: ReplayLook): DecidedStep {
  const why = look.whyAnew(step);
  const { generation } = before.do;
  if (why === null) {
    // A run that went back said of what nothing undoes that it is skipped: the child may have to look at it anew.
    const undo = look.isChild ? { ...UNTOUCHED, generation } : before.undo;
    return look.decided(
      step,
      { action: "REUSE", reason: "it is done, and its effect stands" },
      { ...before, undo },
    );
  }
  if (look.options.newKey) {
    const supersedes = { generation, key: look.key(step.name, "do", generation) };
    return anew(step, look, `${why}; what it did before stays, and counts no more`, supersedes);
  }
  look.redo(step.name);
  const reason = `its effect stands, and ${why}`;
  return look.decided(step, { action: "BLOCKED", reason, hint: look.hintOfStanding }, before);
}

function unsure(step: Step, before: StepState, look: ReplayLook): DecidedStep {
  const { do: call } = before;
  const { name } = step;
  const { generation } = call;
  const why = look.whyAnew(step);
  const isRefused = call.error?.kind === "refused";
  if (isRefused && !call.everUnknown && look.options.newKey) {
    const supersedes = { generation, key: look.key(name, "do", generation) };
    return anew(step, look, "the service refused its key, so it takes another one", supersedes);
  }
  // Whatever becomes of it, what reads its output waits for it.
  look.redo(name);
  const blocked = (reason: string) =>
    look.decided(step, { action: "BLOCKED", reason, hint: look.resolveHint(name, "do") }, before);
  if (isRefused) return blocked(`the service says that its key was used for something else${saying(call)}`);
  if (why !== null) return blocked(`it is not known whether it took effect, and ${why}`);
  const asks = howToAsk(step, call, look.now);
  if (asks === null) return blocked("it is not known whether it took effect, and nobody can be asked");
  const { shown, problem } = look.request(step, { direction: "do", asks, generation });
  if (problem !== null) return blocked(`its request cannot be made: ${problem}`);
  const reason =
    asks === "probe"
      ? "it is not known whether it took effect: its probe is asked"
      : "it is not known whether it took effect: the same key is sent again, which takes effect once";
  const key = look.key(name, "do", generation);
  return look.decided(
    step,
    { action: "PROBE", reason, generation, key, request: shown },
    {
      ...before,
      do: again(call, look.now),
    },
  );
}

/** How the rules would find out what became of an action; null where they would park it again. */
function howToAsk(step: Step, call: CallState, now: number): "probe" | "effect" | null {
  if (step.probe !== null && step.unknown === "probe") return "probe";
  if (step.unknown === "idempotent" && isKeyKnown(call, step, now)) return "effect";
  return step.probe !== null && step.unknown !== "park" ? "probe" : null;
}

function anew(
  step: Step,
  look: ReplayLook,
  reason: string,
  supersedes: ReplayStep["supersedes"] = null,
): DecidedStep {
  const generation = look.nextGeneration(step.name);
  return executed(
    step,
    look,
    reason,
    { generation, supersedes },
    {
      do: { ...UNTOUCHED, generation },
      undo: { ...UNTOUCHED, generation },
    },
  );
}

function same(step: Step, before: StepState, look: ReplayLook, reason: string): DecidedStep {
  const call = before.do.attempts === 0 ? before.do : again(before.do, look.now);
  return executed(
    step,
    look,
    reason,
    { generation: call.generation, supersedes: null },
    { ...before, do: call },
  );
}

function executed(
  step: Step,
  look: ReplayLook,
  reason: string,
  { generation, supersedes }: Pick<ReplayStep, "generation" | "supersedes">,
  state: StepState,
): DecidedStep {
  const { shown, problem } = look.request(step, { direction: "do", asks: "effect", generation });
  look.redo(step.name);
  if (problem !== null) {
    const hint = "give what it reads: --input NAME=VALUE, or the secret in the environment";
    return look.decided(
      step,
      { action: "BLOCKED", reason: `its request cannot be made: ${problem}`, hint },
      state,
    );
  }
  const key = look.key(step.name, "do", generation);
  return look.decided(
    step,
    { action: "RE-EXECUTE", reason, generation, key, supersedes, request: shown },
    state,
  );
}
