import type { CallContexts, Caller, CallIdentity, PreparedCall } from "../call/call.ts";
import { contextsOf } from "../call/contexts.ts";
import type { Action, Definition, Step } from "../definition/definition.ts";
import type { Outcome, ProbeAnswer, RunEvent } from "../engine/event.ts";
import { callKey, type Intent, NOTHING_SENT, type RunState } from "../engine/run-state.ts";
import type { ProcessSecrets } from "../secrets/process-secrets.ts";
import type { JournalClock } from "./journal-clock.ts";

/** A call that may be begun once its intent is durable. */
export interface StartableCall {
  readonly intent: Intent;
  /** Null where the request could not be worked out. */
  readonly inputHash: string | null;
  /** Makes the call; resolves with what it came to, never rejects. */
  send(journalClock: JournalClock, signal: AbortSignal): Promise<RunEvent>;
}

export interface CallFactoryOptions {
  readonly caller: Caller;
  /** What this process knows and the journal must not. */
  readonly secrets: ProcessSecrets;
}

/** Makes the calls of intents. */
export class CallFactory {
  readonly #options: CallFactoryOptions;

  constructor(options: CallFactoryOptions) {
    this.#options = options;
  }

  make(intent: Intent, state: RunState, definition: Definition): StartableCall {
    const step = definition.steps.find(({ name }) => name === intent.step);
    const action = step === undefined ? null : actionOf(step, intent);
    if (step === undefined || action === null) {
      return unmade(intent, { kind: "refused", message: "the definition has no such call" });
    }
    const identity = identityOf(intent, state, definition);
    let contexts: CallContexts;
    try {
      contexts = contextsOf({ definition, state, step, identity, secrets: this.#options.secrets });
    } catch (error) {
      // Another process may have what is missing here: that is no reason to undo anything.
      return unmade(intent, { kind: "refused", message: `${NOTHING_SENT}${messageOf(error)}` });
    }
    try {
      return new Call(intent, this.#options.caller.prepare(action, identity, contexts, step), state, step);
    } catch (error) {
      // A probe that was never asked says nothing: least of all that there is no effect.
      const kind = intent.asks === "probe" ? "unknown" : intent.direction === "do" ? "failed" : "refused";
      return unmade(intent, { kind, message: `${NOTHING_SENT}${messageOf(error)}` });
    }
  }
}

class Call implements StartableCall {
  readonly intent: Intent;
  readonly inputHash: string;
  readonly #prepared: PreparedCall;
  readonly #deadlineAt: number | null;
  readonly #timeoutMs: number;

  constructor(intent: Intent, prepared: PreparedCall, state: RunState, step: Step) {
    this.intent = intent;
    this.inputHash = prepared.inputHash;
    this.#prepared = prepared;
    this.#timeoutMs = step.timeoutMs;
    this.#deadlineAt =
      intent.asks === "probe" ? null : (state.steps[intent.step]?.[intent.direction].deadlineAt ?? null);
  }

  async send(journalClock: JournalClock, signal: AbortSignal): Promise<RunEvent> {
    // What is durable is when the attempt ends, not when it begins: a slow worker has less time, or none.
    const timeoutMs = this.#deadlineAt === null ? this.#timeoutMs : this.#deadlineAt - journalClock.now();
    if (timeoutMs <= 0) {
      return happened(this.intent, { kind: "not-sent", message: "its time was over before it could begin" });
    }
    return happened(this.intent, await this.#prepared.send({ timeoutMs, signal }));
  }
}

function unmade(intent: Intent, outcome: Outcome): StartableCall {
  return { intent, inputHash: null, send: async () => happened(intent, outcome) };
}

function happened({ step, direction, asks, attempt }: Intent, outcome: Outcome): RunEvent {
  if (asks === "probe") return { type: "probed", step, answer: answerOf(outcome) };
  return { type: "outcome", step, direction, attempt, outcome };
}

function answerOf(outcome: Outcome): ProbeAnswer {
  if (outcome.kind === "done") return outcome;
  return outcome.kind === "failed" ? { kind: "not-done" } : { kind: "unknown", message: outcome.message };
}

function actionOf(step: Step, { direction, asks }: Intent): Action | null {
  if (asks === "probe") return step.probe;
  return direction === "do" ? step.action : (step.compensate?.action ?? null);
}

function identityOf(
  { step, direction, asks, attempt }: Intent,
  { runId, rootId, steps }: RunState,
  { saga }: Definition,
): CallIdentity {
  const keyOf = (way: "do" | "undo") => callKey(rootId, step, way, steps[step]?.[way].generation ?? 1);
  return {
    ...{ runId, rootId, saga, step, direction, asks, attempt },
    key: keyOf(direction),
    actionKey: direction === "undo" ? keyOf("do") : null,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
