import { toDcsError } from "../../errors.ts";
import type { RunEvent } from "../engine/event.ts";
import { going } from "../engine/rules.ts";
import type { RunRecord } from "../journal/journal.ts";
import type { Definitions } from "./definitions.ts";
import type { Arrival } from "./run-host.ts";
import type { Moment } from "./tenure.ts";

/** Claims without a transition between them after which a run is parked: something in it ends every worker. */
const MAX_CLAIMS = 10;

/** A claimed run as it can be executed. What makes that impossible for anybody parks it, so that it is seen. */
export async function arrive(record: RunRecord, definitions: Definitions, sent: Moment): Promise<Arrival> {
  const { state, claims } = record;
  const first: RunEvent[] = [];
  const calls = Object.values(state.steps).flatMap(({ do: forth, undo }) => [forth, undo]);
  const isOrphan = calls.some(({ status }) => status === "intent");
  first.push(isOrphan ? { type: "taken-over" } : { type: "due" });
  if (claims > MAX_CLAIMS) {
    first.push({ type: "given-up", message: `it was begun ${claims} times and never got any further` });
  }
  try {
    return { record, definition: await definitions.get(state.defHash), sent, first, intents: [] };
  } catch (cause) {
    const error = toDcsError(cause);
    // Stopped already, it is here for what was asked of it: that waits for a worker that can read the definition.
    if (error.retryable || going(state.direction) !== state.status) throw error;
    const definition = { saga: record.saga, description: null, input: null, steps: [], directory: "/" };
    const message = `its definition cannot be used here: ${error.message}`;
    return { record, definition, sent, first: [{ type: "given-up", message }], intents: [] };
  }
}
