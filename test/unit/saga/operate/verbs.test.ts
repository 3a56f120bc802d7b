import { describe, expect, it } from "vitest";
import { DcsError } from "../../../../src/core/errors.ts";
import type { RunRecord, RunRequest } from "../../../../src/core/saga/journal/journal.ts";
import { beginReplay } from "../../../../src/core/saga/operate/begin-replay.ts";
import { planReplay } from "../../../../src/core/saga/operate/replay-plan.ts";
import { resolveCall, type Verdict } from "../../../../src/core/saga/operate/resolve-call.ts";
import { resumeRun } from "../../../../src/core/saga/operate/resume-run.ts";
import { seenDefinition } from "../../../../src/core/saga/operate/seen-definition.ts";
import { turnRun } from "../../../../src/core/saga/operate/turn-run.ts";
import { unknownCalls } from "../../../../src/core/saga/operate/unknown-calls.ts";
import { why } from "../../../../src/core/saga/operate/why.ts";
import { prepare } from "./prepare.ts";
import { allDone, call, NOW, orderSaga, recordOf } from "./records.ts";

const definition = await orderSaga();
const ORDER = { actor: "ann@host", reason: "ticket 1" } as const;

/** Where requests go to: the record as it is, and what was asked of it. */
class Desk {
  readonly asked: RunRequest[] = [];
  readonly record: RunRecord;

  constructor(record: RunRecord) {
    this.record = record;
  }

  async now(): Promise<number> {
    return NOW;
  }

  async request(_runId: string, decide: (run: RunRecord) => RunRequest): Promise<RunRecord> {
    this.asked.push(decide(this.record));
    return this.record;
  }
}

function deskOf(...parts: Parameters<typeof recordOf>): Desk {
  return new Desk(recordOf(...parts));
}

const completed = () => deskOf(definition, { state: { status: "completed" }, calls: allDone(definition) });

describe("cancel and compensate", () => {
  it("ask for it with who and why", async () => {
    const desk = deskOf(definition, { calls: { create: { do: call("done") } } });
    await turnRun(desk, "r1", "cancel", { ...ORDER, definition, family: [] });
    await turnRun(desk, "r1", "compensate", { ...ORDER, definition, family: [] });
    expect(desk.asked).toEqual([
      {
        event: { type: "cancelled", message: "ticket 1 (ann@host)" },
        audit: { verb: "saga.cancel", ...ORDER, details: { status: "running" } },
      },
      {
        event: { type: "compensated", message: "ticket 1 (ann@host)" },
        audit: { verb: "saga.compensate", ...ORDER, details: { status: "running" } },
      },
    ]);
  });

  it("are refused behind the point of no return, and where it is being undone", async () => {
    const refused = (desk: Desk, verb: "cancel" | "compensate") =>
      expect(turnRun(desk, "r1", verb, { ...ORDER, definition, family: [] })).rejects;
    await refused(completed(), "cancel").toMatchObject({ code: "RUN_STATE", message: /it is completed$/ });
    await refused(completed(), "compensate").toThrow(/point of no return, step ship, is done/);
    const undoing = { status: "compensating", direction: "undo" } as const;
    await refused(deskOf(definition, { state: undoing }), "cancel").toThrow(/being undone already/);
    const stuck = deskOf(definition, { state: { status: "parked", direction: "undo" } });
    await refused(stuck, "compensate").toMatchObject({ hint: 'dcs saga resume r1 --reason "…"' });
    expect(stuck.asked).toEqual([]);
  });

  it("are refused of a run that another one goes on from", async () => {
    const steps = definition.steps.map((step) => ({ ...step, pivot: false }));
    const desk = completed();
    const child = recordOf(definition, { state: { runId: "r2", rootId: "r1", parentRun: "r1" } });
    const parts = { ...ORDER, definition: { ...definition, steps }, family: [desk.record, child] };
    await expect(turnRun(desk, "r1", "compensate", parts)).rejects.toMatchObject({
      code: "RUN_STATE",
      hint: 'dcs saga compensate r2 --reason "…"',
    });
    expect(desk.asked).toEqual([]);
    await turnRun(desk, "r1", "compensate", { ...parts, family: [desk.record] });
    expect(desk.asked).toHaveLength(1);
  });

  it("say of a completed run that can be undone what to type", async () => {
    const steps = definition.steps.map((step) => ({ ...step, pivot: false }));
    await expect(
      turnRun(completed(), "r1", "cancel", { ...ORDER, definition: { ...definition, steps }, family: [] }),
    ).rejects.toMatchObject({ hint: 'undo it: dcs saga compensate r1 --reason "…"' });
  });
});

describe("resume", () => {
  it("is for what has not ended", async () => {
    const desk = deskOf(definition, { state: { status: "parked" } });
    await resumeRun(desk, "r1", ORDER);
    expect(desk.asked).toMatchObject([{ event: { type: "resumed" }, audit: { verb: "saga.resume" } }]);
    await expect(resumeRun(completed(), "r1", ORDER)).rejects.toMatchObject({
      code: "RUN_STATE",
      hint: expect.stringContaining("dcs saga replay r1"),
    });
  });
});

describe("resolve", () => {
  const DONE: Verdict = { step: "pay", direction: "do", as: "done", evidence: "ch_1", output: { id: 1 } };
  const NOT: Verdict = { ...DONE, as: "not-done", output: null };
  const parked = (more: Parameters<typeof call>[1] = {}) =>
    deskOf(definition, {
      state: { status: "parked" },
      calls: { pay: { do: call("parked", { everUnknown: true, ...more }) } },
    });
  const resolve = (desk: Desk, verdict: Verdict) =>
    resolveCall(desk, "r1", verdict, { ...ORDER, definition });

  it("says what became of a call, with the evidence in the audit", async () => {
    const desk = parked();
    await resolve(desk, DONE);
    expect(desk.asked).toEqual([
      {
        event: { type: "resolved", step: "pay", direction: "do", as: "done", output: { id: 1 } },
        audit: {
          verb: "saga.resolve",
          ...ORDER,
          details: { step: "pay", direction: "do", as: "done", evidence: "ch_1" },
        },
      },
    ]);
  });

  it("believes no `not-done` while an attempt may still arrive", async () => {
    await expect(resolve(parked({ deadlineAt: NOW + 1 }), NOT)).rejects.toThrow(/may still arrive/);
    await resolve(parked({ deadlineAt: NOW + 1 }), DONE);
    await resolve(parked({ deadlineAt: NOW }), NOT);
  });

  it("is refused for what is known, under way, or not there", async () => {
    await expect(resolve(completed(), DONE)).rejects.toThrow(
      /step pay is done, so there is nothing to find out/,
    );
    const calls = { pay: { do: call("intent") } };
    const held = deskOf(definition, { owner: "w1", dueAt: NOW + 1000, calls });
    await expect(resolve(held, DONE)).rejects.toThrow(/under way, and w1 waits/);
    await resolve(deskOf(definition, { owner: "w1", dueAt: NOW - 1000, calls }), DONE);
    await expect(resolve(parked(), { ...DONE, step: "x" })).rejects.toMatchObject({
      code: "USAGE",
      details: { allowed: ["create", "pay", "mail", "ship", "thank"] },
    });
    await expect(resolve(parked(), { ...DONE, step: "mail", direction: "undo" })).rejects.toThrow(/^--undo/);
  });
});

describe("replay", () => {
  const planOf = (record: RunRecord, newKey = false) =>
    planReplay(
      record,
      { from: "ship", input: null, newKey, definition: null },
      { definition, family: [record], prepare, childId: "r2", now: NOW },
    );
  const parts = (desk: Desk, started: unknown[]) => ({
    ...ORDER,
    journal: desk,
    startChild: async (run: unknown) => void started.push(run),
    details: { from: "ship" },
  });

  it("writes a child down, with what it supersedes in the audit", async () => {
    const desk = completed();
    const started: unknown[] = [];
    const run = await beginReplay(planOf(desk.record, true), desk.record, parts(desk, started));
    expect(run).toBe("r2");
    expect(desk.asked).toEqual([]);
    expect(started).toMatchObject([
      {
        state: { runId: "r2", parentRun: "r1" },
        businessKey: null,
        audit: {
          verb: "saga.replay",
          reason: "ticket 1",
          details: {
            from: "ship",
            run: "r1",
            superseded: [{ step: "ship", generation: 1 }, { step: "thank" }],
          },
        },
      },
    ]);
  });

  it("does nothing of a plan with a step that is blocked", async () => {
    const desk = completed();
    const started: unknown[] = [];
    await expect(beginReplay(planOf(desk.record), desk.record, parts(desk, started))).rejects.toMatchObject({
      code: "RUN_STATE",
    });
    expect(started).toEqual([]);
  });

  it("lets a parked run go on as itself, unless it has moved", async () => {
    const state = { status: "parked" } as const;
    const desk = deskOf(definition, { state, seq: 4 });
    const plan = planOf(desk.record);
    expect(await beginReplay(plan, desk.record, parts(desk, []))).toBe("r1");
    expect(desk.asked).toMatchObject([{ event: { type: "replayed" }, audit: { verb: "saga.replay" } }]);
    const moved = deskOf(definition, { state, seq: 5 });
    await expect(beginReplay(plan, desk.record, parts(moved, []))).rejects.toMatchObject({
      code: "PLAN_STALE",
    });
    expect(moved.asked).toEqual([]);
  });
});

it("unknown calls are those that somebody has to find out, not those whose answer is awaited", () => {
  const record = recordOf(definition, {
    calls: {
      create: { do: call("intent") },
      pay: { do: call("intent", { everUnknown: true, asks: "probe" }) },
      mail: { do: call("parked", { everUnknown: true, error: { kind: "unknown", message: "timeout" } }) },
      ship: { do: call("parked", { error: { kind: "failed", message: "500" } }) },
    },
  });
  expect(unknownCalls(record, NOW).map(({ step, state, sinceMs }) => [step, state, sinceMs])).toEqual([
    ["pay", "asking", 10_000],
    ["mail", "parked", 10_000],
  ]);
});

it("a run whose definition cannot be read any more is seen by the names of its steps", async () => {
  const problem = new DcsError("SAGA_INVALID", "it is from a newer dcs");
  const record = recordOf(definition, {
    state: {
      status: "parked",
      cause: { type: "parked", step: null, message: "its definition cannot be used" },
    },
  });
  const seen = await seenDefinition(record, { get: () => Promise.reject(problem) });
  expect(seen.problem).toBe(problem);
  expect(seen.definition.steps.map(({ name }) => name)).toEqual(["create", "pay", "mail", "ship", "thank"]);
  expect(why(record, seen.definition, NOW).because).toMatch(/its definition cannot be used/);
  const down = new DcsError("JOURNAL_UNREACHABLE", "no answer");
  await expect(seenDefinition(record, { get: () => Promise.reject(down) })).rejects.toBe(down);
});
