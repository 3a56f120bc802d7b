import { type DcsError, toDcsError } from "../../errors.ts";
import type { Definition, Step } from "../definition/definition.ts";
import type { RunRecord } from "../journal/journal.ts";
import type { Definitions } from "../run/definitions.ts";

/** A run's definition, as far as it can be read here. */
export interface SeenDefinition {
  readonly definition: Definition;
  /** Why it has nothing but the names of the steps; null where it could be read. */
  readonly problem: DcsError | null;
}

/** The definition that a run pins. Where it cannot be read any more the run can be looked at all the same. */
export async function seenDefinition(
  record: RunRecord,
  definitions: Pick<Definitions, "get">,
): Promise<SeenDefinition> {
  try {
    return { definition: await definitions.get(record.state.defHash), problem: null };
  } catch (cause) {
    const problem = toDcsError(cause);
    if (problem.retryable) throw problem;
    const steps = Object.keys(record.state.steps).map(nameless);
    return {
      definition: { saga: record.saga, description: null, input: null, steps, directory: "/" },
      problem,
    };
  }
}

function nameless(name: string): Step {
  const retry = { attempts: 1, initialMs: 0, factor: 1, maxMs: 0, jitter: "none" } as const;
  const action = { type: "exec", argv: [], fail: [] } as const;
  return {
    ...{ name, needs: [], pivot: false, action, probe: null, timeoutMs: 0, retry },
    compensate: { action, nullSafe: false, timeoutMs: 0, retry },
    ...{ unknown: "park", keyTtlMs: Number.POSITIVE_INFINITY, settleMs: 0 },
  };
}
