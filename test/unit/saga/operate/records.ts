import type { Definition } from "../../../../src/core/saga/definition/definition.ts";
import { parseDefinition } from "../../../../src/core/saga/definition/read-definition.ts";
import { newRun } from "../../../../src/core/saga/engine/new-run.ts";
import {
  type CallState,
  type RunState,
  type StepState,
  UNTOUCHED,
} from "../../../../src/core/saga/engine/run-state.ts";
import type { RunRecord } from "../../../../src/core/saga/journal/journal.ts";

/** Midnight of a day, so that times can be read in what is expected. */
export const NOW = Date.parse("2026-01-01T00:00:00Z");

const ORDER = `
saga: order
input: { sku: string, amount: number, card: { type: string, default: x, secret: true } }
steps:
  - name: create
    action: { http: "POST http://o/", body: { sku: "\${{ input.sku }}" } }
    compensate: { http: DELETE http://o/ }
  - name: pay
    action: { http: "POST http://p/", body: { order: "\${{ steps.create.output.id }}", amount: "\${{ input.amount }}" } }
    probe: { http: GET http://p/ }
    compensate: { http: POST http://p/refund }
    retry: { attempts: 3 }
  - name: mail
    needs: [create]
    action: { http: POST http://m/ }
    unknown: park
  - name: ship
    needs: [pay, mail]
    pivot: true
    action: { http: POST http://s/ }
  - name: thank
    action: { http: POST http://t/ }
`;

/** An order saga: create, then pay and mail, then ship (the pivot), then thank. */
export async function orderSaga(): Promise<Definition> {
  return await definitionOf(ORDER);
}

export async function definitionOf(text: string): Promise<Definition> {
  return (await parseDefinition(text, "/sagas/f.yaml")).definition;
}

/** A call that was made, or skipped. */
export function call(status: CallState["status"], more: Partial<CallState> = {}): CallState {
  const made = status === "skipped" ? {} : { attempts: 1, firstSentAt: NOW - 10_000 };
  return { ...UNTOUCHED, status, ...made, ...more };
}

type Calls = Readonly<Record<string, Partial<StepState>>>;

/** A run as the journal gives it; steps that are not named are untouched. */
export function recordOf(
  definition: Definition,
  {
    state = {},
    calls = {},
    ...more
  }: Partial<Omit<RunRecord, "state">> & {
    readonly state?: Partial<RunState>;
    readonly calls?: Calls;
  } = {},
): RunRecord {
  const fresh = newRun(definition, { runId: "r1", defHash: "d1", input: { sku: "s", amount: 5 } });
  const steps = Object.entries(fresh.steps).map(([name, both]): [string, StepState] => [
    name,
    { ...both, ...calls[name] },
  ]);
  return {
    state: { ...fresh, steps: Object.fromEntries(steps), ...state },
    saga: definition.saga,
    businessKey: null,
    owner: null,
    epoch: 1,
    seq: 3,
    dueAt: null,
    claims: 0,
    createdAt: NOW - 60_000,
    updatedAt: NOW - 5_000,
    requests: [],
    inputHashes: {},
    ...more,
  };
}

/** Every step done. */
export function allDone(definition: Definition): Calls {
  return Object.fromEntries(
    definition.steps.map(({ name }) => [name, { do: call("done", { output: { id: `${name}-1` } }) }]),
  );
}
