import { DcsError } from "../../core/errors.ts";
import type { Json } from "../../core/saga/definition/expression.ts";
import { refuseVerdict, resolveCall } from "../../core/saga/operate/resolve-call.ts";
import {
  type ResolveAction,
  resolveActionSchema,
  resolvePlan,
  verdictOf,
} from "../../core/saga/operate/verb-plan.ts";
import { type RunVerb, redactor, type VerbFlags } from "./run-verb.ts";

/** What was typed of a verdict. */
export interface ResolveInput extends Pick<VerbFlags, "reason"> {
  readonly step: string | undefined;
  readonly undo: boolean;
  readonly as: string | undefined;
  readonly evidence: string | undefined;
  readonly output: string | undefined;
}

/** `saga resolve`. */
export function resolveVerb(input: ResolveInput): RunVerb<ResolveAction> {
  return {
    kind: "saga.resolve",
    schema: resolveActionSchema,
    typed: (look) => {
      const verdict = typedVerdict(input);
      const hide = redactor(look);
      return {
        ...{ run: look.record.state.runId, reason: input.reason ?? null },
        ...{ ...verdict, evidence: hide.text(verdict.evidence), output: hide.json(verdict.output) },
      };
    },
    plan: async (action, { record, definition, opened, where }) => {
      const now = await opened.sagas.journal.now();
      refuseVerdict(record, verdictOf(action), definition, now);
      return resolvePlan(record, action, where);
    },
    ask: async (action, { opened, definition }, order) => {
      const verdict = verdictOf(action);
      const asked = await resolveCall(opened.sagas.journal, action.run, verdict, { ...order, definition });
      return asked.state.runId;
    },
  };
}

function typedVerdict(input: ResolveInput): Omit<ResolveAction, "run" | "reason"> {
  const { step, undo, as, output } = input;
  const evidence = input.evidence?.trim() ?? "";
  if (step === undefined) throw missing("STEP", "no step is named: give STEP, or --plan FILE");
  if (as !== "done" && as !== "not-done") throw missing("--as", "--as is needed: done or not-done");
  if (evidence === "") {
    throw missing(
      "--evidence",
      "--evidence is needed: say how it was found out, it is kept in the audit of the run",
    );
  }
  if (output !== undefined && (as !== "done" || undo)) {
    throw new DcsError("USAGE", "--result: only an action that is done has one", {
      hint: "leave --result out",
      details: { flag: "--result" },
    });
  }
  const direction = undo ? "undo" : "do";
  return { step, direction, as, evidence, output: output === undefined ? null : asJson(output) };
}

function asJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw new DcsError(
      "USAGE",
      `--result: it is not JSON: ${cause instanceof Error ? cause.message : cause}`,
      {
        hint: `give JSON, such as '{"id": "ch_1"}'`,
        details: { flag: "--result", value: text },
      },
    );
  }
}

function missing(what: string, message: string): DcsError {
  return new DcsError("USAGE", message, {
    hint: `dcs saga resolve RUN STEP --as done --evidence "charge ch_1 is there" --reason "…"`,
    details: { missing: what },
  });
}
