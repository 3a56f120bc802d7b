import type { Step } from "../definition/definition.ts";
import type { StepState } from "../engine/run-state.ts";
import { again, isKeyKnown, mayHaveEffect } from "./call-facts.ts";
import type { ReplayLook } from "./replay-look.ts";
import type { DecidedStep } from "./replay-step.ts";

/** What a replay does with a step of a parked run that is on its way back. */
export function decideUndo(step: Step, look: ReplayLook): DecidedStep {
  const before = look.before(step.name);
  if (before === null) throw new Error(`no state of step ${step.name}`);
  const { do: call, undo } = before;
  const reused = (reason: string) => look.decided(step, { action: "REUSE", reason }, before);
  if (undo.status === "done") return reused("it is undone");
  if (call.status !== "done" && !mayHaveEffect(call)) return reused("there is nothing of it to undo");
  if (call.status !== "done" && undo.status === "pending" && undo.attempts === 0) {
    return unsureAction(step, before, look);
  }
  if (step.compensate === null) return reused("nothing undoes it: its effect stays");
  return compensated(step, before, look);
}

/** Nothing is undone before it is known that it is there, unless its compensation need not know. */
function unsureAction(step: Step, before: StepState, look: ReplayLook): DecidedStep {
  const { name } = step;
  const { do: call, undo } = before;
  const { generation } = call;
  const state = { ...before, do: again(call, look.now) };
  const canResend = step.unknown === "idempotent" && isKeyKnown(call, step, look.now);
  const isBlind = step.probe === null && step.compensate?.nullSafe === true;
  if (isBlind) {
    const { shown } = look.request(step, { direction: "undo", asks: "effect", generation: undo.generation });
    const key = look.key(name, "undo", undo.generation);
    const reason = "it is not known whether it took effect, which its compensation need not know";
    const { generation: undoGeneration } = undo;
    return look.decided(
      step,
      { action: "COMPENSATE", reason, direction: "undo", generation: undoGeneration, key, request: shown },
      state,
    );
  }
  if (call.error?.kind === "refused" || (step.probe === null && !canResend)) {
    const reason = "it is not known whether it took effect, and nobody can be asked";
    return look.decided(step, { action: "BLOCKED", reason, hint: look.resolveHint(name, "do") }, before);
  }
  const asks = step.probe === null ? "effect" : "probe";
  const { shown } = look.request(step, { direction: "do", asks, generation });
  const how = asks === "probe" ? "its probe is asked" : "the same key is sent again";
  const reason = `it is not known whether it took effect: ${how}, then it is undone if it did`;
  const key = look.key(name, "do", generation);
  return look.decided(step, { action: "PROBE", reason, generation, key, request: shown }, state);
}

function compensated(step: Step, before: StepState, look: ReplayLook): DecidedStep {
  const { name } = step;
  const { undo } = before;
  const isUnknown = mayHaveEffect(undo);
  const isAnother = undo.attempts > 0 && look.options.newKey && !undo.everUnknown;
  if (isUnknown && !isAnother && (undo.error?.kind === "refused" || !isKeyKnown(undo, step, look.now))) {
    const reason = "it is not known whether its compensation took effect, and its key cannot be sent again";
    const hint = look.resolveHint(name, "undo");
    return look.decided(step, { action: "BLOCKED", reason, direction: "undo", hint }, before);
  }
  const generation = isAnother ? look.nextGeneration(name) : undo.generation;
  const { shown, problem } = look.request(step, { direction: "undo", asks: "effect", generation });
  if (problem !== null) {
    const reason = `the request of its compensation cannot be made: ${problem}`;
    const hint = "give the secret that it reads in the environment";
    return look.decided(step, { action: "BLOCKED", reason, direction: "undo", hint }, before);
  }
  const fresh = {
    ...again(undo, look.now),
    generation,
    firstSentAt: null,
    attempts: 0,
    forgiven: 0,
    error: null,
  };
  const next = undo.attempts === 0 ? undo : isAnother ? fresh : again(undo, look.now);
  const last = undo.error === null ? "" : ` (${undo.error.message})`;
  const reason = undo.attempts === 0 ? "it is to be undone" : `its compensation is tried again${last}`;
  const key = look.key(name, "undo", generation);
  return look.decided(
    step,
    { action: "COMPENSATE", reason, direction: "undo", generation, key, request: shown },
    { ...before, undo: next },
  );
}
