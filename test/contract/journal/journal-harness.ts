import { afterEach, beforeEach } from "vitest";
import {
  type CallState,
  callKey,
  type Direction,
  type RunState,
  UNTOUCHED,
} from "../../../src/core/saga/engine/run-state.ts";
import type {
  Audit,
  CallChange,
  Change,
  HeldRun,
  Journal,
  NewRun,
  RunRecord,
  RunRequest,
  StoredDefinition,
} from "../../../src/core/saga/journal/journal.ts";
import { randomHex } from "../../../src/core/util/ids.ts";

/** One place where a journal lives, empty at first: `open` gives a new connection to the same tables each time. */
export interface JournalHarness {
  open(): Promise<Journal>;
  destroy(): Promise<void>;
}

/** Two connections to the journal of a test. */
export interface Two {
  readonly journal: Journal;
  readonly other: Journal;
}

/** Gives each test of the `describe` that calls it a journal of its own. */
export function journalPerTest(setUp: () => Promise<JournalHarness>): Two & JournalHarness {
  let harness: JournalHarness;
  let journal: Journal;
  let other: Journal;
  beforeEach(async () => {
    harness = await setUp();
    journal = await harness.open();
    other = await harness.open();
    await journal.putDefinition(DEFINITION);
  });
  afterEach(async () => {
    await journal[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await harness.destroy();
  });
  return {
    get journal() {
      return journal;
    },
    get other() {
      return other;
    },
    open: () => harness.open(),
    destroy: () => harness.destroy(),
  };
}

export const STEPS = ["reserve", "charge", "accept"] as const;

export const DEFINITION: StoredDefinition = {
  hash: "5a".repeat(32),
  saga: "order",
  body: "saga: order\n# größer 😀\n",
  directory: "/srv/order",
};

/** Leases of this suite run for as long as no machine is stopped, or end almost at once. */
export const LONG = { owner: "worker-a", leaseMs: 60_000 };
export const OTHERS = { owner: "worker-b", leaseMs: 60_000 };
export const SHORT = { owner: "worker-a", leaseMs: 30 };

export const AUDIT: Audit = {
  verb: "saga.cancel",
  actor: "kim@host",
  reason: "ordered twice",
  details: { wait: true, because: ["größer", null] },
};

export const CANCEL: RunRequest = { event: { type: "cancelled", message: "ordered twice" }, audit: AUDIT };

export function newTxid(): string {
  return randomHex(16);
}

export function stateOf(over: Partial<RunState> = {}): RunState {
  const runId = over.runId ?? randomHex(8);
  return {
    runId,
    rootId: runId,
    parentRun: null,
    defHash: DEFINITION.hash,
    status: "running",
    direction: "do",
    input: { sku: "a" },
    cause: null,
    steps: Object.fromEntries(STEPS.map((name) => [name, { do: UNTOUCHED, undo: UNTOUCHED }])),
    ...over,
  };
}

/** The row of one call of a state. */
export function callOf(
  state: RunState,
  step: string,
  direction: Direction,
  over: Partial<CallChange> = {},
): CallChange {
  const generation = state.steps[step]?.[direction].generation ?? 1;
  const key = callKey(state.rootId, step, direction, generation);
  return { step, direction, key, inputHash: null, isOwn: true, ...over };
}

/** The rows of all calls of a state. */
export function callsOf(
  state: RunState,
  over: (step: string, direction: Direction) => Partial<CallChange> = () => ({}),
): readonly CallChange[] {
  return Object.keys(state.steps).flatMap((step) =>
    (["do", "undo"] as const).map((direction) => callOf(state, step, direction, over(step, direction))),
  );
}

/** A new run as `saga start` makes it: nothing begun, nobody's. */
export function newRun(over: Partial<NewRun> = {}): NewRun {
  const state = over.state ?? stateOf();
  return {
    state,
    saga: "order",
    businessKey: null,
    txid: newTxid(),
    calls: callsOf(state),
    events: [{ type: "started" }],
    lease: null,
    audit: null,
    ...over,
  };
}

/** The state with one call changed. */
export function withCall(
  state: RunState,
  step: string,
  direction: Direction,
  call: Partial<CallState>,
): RunState {
  const before = state.steps[step] ?? { do: UNTOUCHED, undo: UNTOUCHED };
  return {
    ...state,
    steps: { ...state.steps, [step]: { ...before, [direction]: { ...before[direction], ...call } } },
  };
}

/** A transition of a run that was read, which changes nothing unless it is told to. */
export function change(
  run: RunRecord | (HeldRun & { readonly state: RunState }),
  over: Partial<Change> = {},
): Change {
  return {
    runId: run.state.runId,
    epoch: run.epoch,
    seq: run.seq,
    txid: newTxid(),
    state: run.state,
    calls: [],
    events: [{ type: "looked" }],
    due: { kind: "held" },
    takenUp: null,
    ...over,
  };
}

export function held(run: RunRecord): HeldRun {
  return { runId: run.state.runId, epoch: run.epoch, seq: run.seq };
}

/** Makes a run and reads it. */
export async function made(journal: Journal, over: Partial<NewRun> = {}): Promise<RunRecord> {
  const run = newRun(over);
  const result = await journal.create(run);
  if (!result.created) throw new Error(`there is ${result.existing} already`);
  return read(journal, run.state.runId);
}

export async function read(journal: Journal, runId: string): Promise<RunRecord> {
  const run = await journal.run(runId);
  if (run === null) throw new Error(`no run ${runId}`);
  return run;
}

/** Resolves once the journal's own clock is past `at`. */
export async function past(journal: Journal, at: number): Promise<void> {
  for (;;) {
    const left = at - (await journal.now());
    if (left < 0) return;
    await new Promise((resolve) => setTimeout(resolve, left + 1));
  }
}
