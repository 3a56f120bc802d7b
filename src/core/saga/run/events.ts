import { shortened } from "../../util/shortened.ts";
import type { RunEvent } from "../engine/event.ts";
import type { Intent, RunState } from "../engine/run-state.ts";
import type { JournalEvent } from "../journal/journal.ts";

/** Longest message that is kept: it may be a page of HTML. */
const MAX_MESSAGE = 1000;

/** What a transition means to a reader: what happened, what is begun by it, and where the run stands now. */
export function describe(
  before: RunState | null,
  happened: readonly RunEvent[],
  after: RunState,
  intents: readonly Intent[],
): JournalEvent[] {
  const begun = intents.map(({ step, direction, asks, attempt }): JournalEvent => {
    return { type: asks === "probe" ? "probe" : "intent", step, direction, attempt };
  });
  const turned =
    before?.status === after.status
      ? []
      : [
          {
            type: after.status,
            // Why it turned around is said once, when it does.
            ...(after.cause === null || after.cause === before?.cause
              ? {}
              : { message: shortened(after.cause.message, MAX_MESSAGE) }),
          },
        ];
  return [...happened.flatMap((event) => said(event, before)), ...begun, ...turned];
}

function said(event: RunEvent, before: RunState | null): JournalEvent[] {
  switch (event.type) {
    case "due":
      return [];
    case "started":
    case "resumed":
      return [{ type: event.type }];
    case "taken-over":
      return [{ type: event.type, message: "the worker before is gone" }];
    case "given-up":
    case "cancelled":
    case "compensated":
      return [{ type: askedFor(event.type), message: shortened(event.message, MAX_MESSAGE) }];
    case "outcome": {
      const { step, direction, attempt, outcome } = event;
      const message = outcome.kind === "done" ? {} : { message: shortened(outcome.message, MAX_MESSAGE) };
      return [{ type: outcome.kind, step, direction, attempt, ...message }];
    }
    case "probed": {
      const { step, answer } = event;
      const attempt = before?.steps[step]?.do.probes ?? 0;
      const message = answer.kind === "unknown" ? { message: shortened(answer.message, MAX_MESSAGE) } : {};
      return [{ type: `probe-${answer.kind}`, step, direction: "do", attempt, ...message }];
    }
    case "resolved":
      return [
        { type: "resolved", step: event.step, direction: event.direction, message: `declared ${event.as}` },
      ];
    case "replayed":
      return [{ type: "replayed" }];
  }
}

/** The wish, apart from the status of the same name. */
function askedFor(type: "given-up" | "cancelled" | "compensated"): string {
  return { "given-up": "given-up", cancelled: "cancel", compensated: "compensate" }[type];
}
