import { describe, expect, it } from "vitest";
import type { Json } from "../../../../src/core/saga/definition/expression.ts";
import { callKey } from "../../../../src/core/saga/engine/run-state.ts";
import type { RunRecord } from "../../../../src/core/saga/journal/journal.ts";
import {
  planReplay,
  type ReplayOptions,
  type ReplayPlan,
  refuseBlocked,
} from "../../../../src/core/saga/operate/replay-plan.ts";
import { hashOf, prepare } from "./prepare.ts";
import { allDone, call, definitionOf, NOW, orderSaga, recordOf } from "./records.ts";

const definition = await orderSaga();
const INPUT = { sku: "s", amount: 5 };
const PLAIN: ReplayOptions = { from: null, input: null, newKey: false, definition: null };

function plan(
  record: RunRecord,
  options: Partial<ReplayOptions> = {},
  family: readonly RunRecord[] = [record],
): ReplayPlan {
  return planReplay(
    record,
    { ...PLAIN, ...options },
    { definition, family, prepare, childId: "r2", now: NOW },
  );
}

function actions({ steps }: ReplayPlan): Readonly<Record<string, string>> {
  return Object.fromEntries(steps.map(({ name, action, generation }) => [name, `${action} ${generation}`]));
}

function inputHashes(outputs: Readonly<Record<string, Json>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    definition.steps.map((step) => [`${step.name}:do`, hashOf({ definition, step, input: INPUT, outputs })]),
  );
}

const completed = recordOf(definition, {
  state: { status: "completed" },
  calls: allDone(definition),
  inputHashes: inputHashes({ create: { id: "create-1" } }),
});
const UNDONE = { do: call("done"), undo: call("done") };
const compensated = recordOf(definition, {
  state: {
    status: "compensated",
    direction: "undo",
    cause: { type: "failed", step: "ship", message: "no van" },
  },
  calls: {
    create: UNDONE,
    pay: UNDONE,
    mail: { do: call("done"), undo: call("skipped") },
    ship: { do: call("failed", { error: { kind: "failed", message: "no van" } }), undo: call("skipped") },
    thank: { do: call("skipped", { attempts: 0 }), undo: call("skipped", { attempts: 0 }) },
  },
});

describe("a run that was undone", () => {
  it("is done anew under new keys, and what nothing undid is taken over", () => {
    const result = plan(compensated);
    expect(actions(result)).toEqual({
      create: "RE-EXECUTE 2",
      pay: "RE-EXECUTE 2",
      mail: "REUSE 1",
      ship: "RE-EXECUTE 2",
      thank: "RE-EXECUTE 2",
    });
    expect(result.steps[0]).toMatchObject({
      reason: "it was undone",
      key: callKey("r1", "create", "do", 2),
      request: { body: { sku: "s" } },
    });
    // What it would send depends on the order that is made anew.
    expect(result.steps[1]?.request).toBeNull();
    if (result.how.kind !== "child") throw new Error("it has ended");
    const { state, calls } = result.how;
    expect(state).toMatchObject({
      runId: "r2",
      rootId: "r1",
      parentRun: "r1",
      status: "running",
      direction: "do",
      cause: null,
    });
    expect(state.steps["mail"]).toMatchObject({
      do: { status: "done", generation: 1 },
      undo: { status: "pending", generation: 1 },
    });
    expect(state.steps["pay"]).toMatchObject({
      do: { status: "pending", generation: 2, attempts: 0 },
      undo: { status: "pending", generation: 2, attempts: 0 },
    });
    const owned = calls.filter(({ isOwn }) => isOwn).map(({ step, direction }) => `${step}:${direction}`);
    expect(owned.sort()).toEqual(["create:do", "pay:do", "ship:do", "thank:do"]);
  });

  it("takes a generation that nobody of its family had", () => {
    const child = recordOf(definition, {
      ...compensated,
      state: {
        ...compensated.state,
        runId: "r3",
        rootId: "r1",
        parentRun: "r1",
        steps: {
          ...compensated.state.steps,
          pay: { do: call("done", { generation: 4 }), undo: call("done", { generation: 4 }) },
        },
      },
    });
    expect(actions(plan(child, {}, [compensated, child]))).toMatchObject({
      pay: "RE-EXECUTE 5",
      create: "RE-EXECUTE 2",
    });
  });

  it("is not replayed twice: the newest of its family is", () => {
    const child = recordOf(definition, { state: { runId: "r9", rootId: "r1", parentRun: "r1" } });
    expect(() => plan(compensated, {}, [compensated, child])).toThrow(/run r9 goes on from there/);
  });
});

describe("a run that something was asked of", () => {
  it("is not planned before that is taken up: the plan would be dropped without a word", () => {
    const requests = [{ id: 1, event: { type: "resumed" }, at: NOW }] as const;
    const parked = recordOf(definition, { state: { status: "parked" }, requests });
    expect(() => plan(parked)).toThrow(/nobody has taken it up yet/);
  });
});

describe("a run that is completed", () => {
  it("has nothing to replay unless it is said from where", () => {
    expect(() => plan(completed)).toThrow(/nothing to do/);
    expect(() => plan(completed, { input: { ...INPUT } })).toThrow(/changes no request/);
    expect(() => plan(completed, { from: "nobody" })).toThrow(
      /--from: .* there are create, pay, mail, ship, thank/,
    );
  });

  it("is blocked where an effect stands, unless that counts no more", () => {
    const blocked = plan(completed, { from: "ship" });
    expect(actions(blocked)).toEqual({
      create: "REUSE 1",
      pay: "REUSE 1",
      mail: "REUSE 1",
      ship: "BLOCKED 1",
      thank: "BLOCKED 1",
    });
    expect(() => refuseBlocked(blocked)).toThrow(/ship: its effect stands, and it is to begin from here/);
    // The point of no return is passed: it cannot be undone first.
    expect(blocked.steps[3]?.hint).toMatch(/^add --new-key .*cannot be undone first/);
    const anew = plan(completed, { from: "ship", newKey: true });
    expect(() => refuseBlocked(anew)).not.toThrow();
    expect(actions(anew)).toMatchObject({ pay: "REUSE 1", ship: "RE-EXECUTE 2", thank: "RE-EXECUTE 2" });
    expect(anew.steps[3]?.supersedes).toEqual({ generation: 1, key: callKey("r1", "ship", "do", 1) });
  });

  it("is blocked where another input changes what was asked for", () => {
    const result = plan(completed, { input: { ...INPUT, amount: 6 } });
    expect(actions(result)).toMatchObject({
      create: "REUSE 1",
      pay: "BLOCKED 1",
      mail: "REUSE 1",
      ship: "REUSE 1",
    });
    expect(result.steps[1]?.reason).toBe("its effect stands, and its request is another one now");
    const sku = plan(completed, { input: { ...INPUT, sku: "t" }, newKey: true });
    expect(actions(sku)).toMatchObject({ create: "RE-EXECUTE 2", pay: "RE-EXECUTE 2", mail: "REUSE 1" });
    expect(sku.steps[1]?.reason).toMatch(/^it reads the output of create, which is done anew/);
  });

  it("follows a new definition", async () => {
    const next = await definitionOf(`
saga: order
steps:
  - name: create
    action: { http: "POST http://o/", body: { sku: "\${{ input.sku }}" } }
  - name: mail
    action: { http: POST http://m/v2 }
  - name: archive
    action: { http: POST http://a/ }
`);
    const result = plan(completed, { definition: { definition: next, hash: "d2" } });
    expect(actions(result)).toEqual({
      create: "REUSE 1",
      mail: "BLOCKED 1",
      archive: "RE-EXECUTE 1",
      pay: "BLOCKED 1",
      ship: "BLOCKED 1",
      thank: "BLOCKED 1",
    });
    expect(result.differences.map(({ step, what }) => `${step} ${what}`)).toEqual([
      "create changed",
      "mail changed",
      "archive added",
      "pay removed",
      "ship removed",
      "thank removed",
    ]);
    const how = plan(completed, { definition: { definition: next, hash: "d2" }, newKey: true }).how;
    if (how.kind !== "child") throw new Error("it has ended");
    expect(how.state.defHash).toBe("d2");
    expect(Object.keys(how.state.steps)).toEqual(["create", "mail", "archive"]);
  });
});

describe("a run that is parked", () => {
  const cause = { type: "parked", step: "pay", message: "timeout" } as const;
  const parkedPay = (more: Parameters<typeof call>[1]) =>
    recordOf(definition, {
      state: { status: "parked", cause },
      calls: {
        create: { do: call("done", { output: { id: "o1" } }) },
        pay: { do: call("parked", { attempts: 3, error: { kind: "unknown", message: "timeout" }, ...more }) },
      },
      inputHashes: inputHashes({ create: { id: "o1" } }),
    });

  it("goes on as itself: what is not known is found out under its own key", () => {
    const result = plan(parkedPay({ everUnknown: true, generation: 2 }));
    expect(actions(result)).toEqual({
      create: "REUSE 1",
      pay: "PROBE 2",
      mail: "RE-EXECUTE 1",
      ship: "RE-EXECUTE 1",
      thank: "RE-EXECUTE 1",
    });
    expect(result.steps[1]?.key).toBe(callKey("r1", "pay", "do", 2));
    expect(result.how).toMatchObject({
      kind: "itself",
      event: {
        type: "replayed",
        input: INPUT,
        steps: { pay: { do: { status: "unknown", generation: 2, forgiven: 3, probes: 0 } } },
      },
    });
  });

  it("is blocked where nobody can be asked, or what is not known would be asked for differently", () => {
    const mail = recordOf(definition, {
      state: { status: "parked", cause },
      calls: { create: { do: call("done") }, mail: { do: call("parked", { everUnknown: true }) } },
    });
    expect(plan(mail).steps.find(({ name }) => name === "mail")).toMatchObject({
      action: "BLOCKED",
      hint: expect.stringContaining("dcs saga resolve r1 mail --as"),
    });
    expect(
      actions(plan(parkedPay({ everUnknown: true }), { input: { ...INPUT, amount: 9 }, newKey: true })),
    ).toMatchObject({
      pay: "BLOCKED 1",
    });
  });

  it("tries what had no effect again, under a new key where it asks for something else", () => {
    const failed = parkedPay({ error: { kind: "failed", message: "500" } });
    expect(actions(plan(failed))).toMatchObject({ pay: "RE-EXECUTE 1" });
    expect(actions(plan(failed, { input: { ...INPUT, amount: 9 } }))).toMatchObject({
      create: "REUSE 1",
      pay: "RE-EXECUTE 2",
    });
    expect(actions(plan(failed, { newKey: true }))).toMatchObject({ pay: "RE-EXECUTE 2" });
  });

  it("takes another key where the service refused the one it had", () => {
    const refused = parkedPay({ error: { kind: "refused", message: "422" } });
    expect(actions(plan(refused))).toMatchObject({ pay: "BLOCKED 1" });
    const result = plan(refused, { newKey: true });
    expect(actions(result)).toMatchObject({ pay: "RE-EXECUTE 2" });
    expect(result.steps[1]?.supersedes?.generation).toBe(1);
  });

  it("finds out what a worker that died was doing", () => {
    const record = recordOf(definition, {
      state: { status: "parked", cause: { type: "parked", step: null, message: "nobody gets anywhere" } },
      calls: { create: { do: call("intent") } },
    });
    const { steps, how } = plan(record);
    expect(steps[0]).toMatchObject({ action: "PROBE", key: callKey("r1", "create", "do", 1) });
    expect(how).toMatchObject({
      event: { steps: { create: { do: { status: "unknown", everUnknown: true } } } },
    });
  });

  it("on its way back is undone further", () => {
    const record = recordOf(definition, {
      state: {
        status: "parked",
        direction: "undo",
        cause: { type: "failed", step: "ship", message: "no" },
      },
      calls: {
        create: { do: call("done") },
        pay: {
          do: call("done"),
          undo: call("parked", { attempts: 3, error: { kind: "failed", message: "locked" } }),
        },
        mail: { do: call("done"), undo: call("skipped") },
        ship: { do: call("failed") },
      },
    });
    const result = plan(record);
    expect(actions(result)).toMatchObject({
      create: "COMPENSATE 1",
      pay: "COMPENSATE 1",
      mail: "REUSE 1",
      ship: "REUSE 1",
    });
    expect(result.steps[1]).toMatchObject({ direction: "undo", key: callKey("r1", "pay", "undo", 1) });
    expect(actions(plan(record, { newKey: true }))).toMatchObject({
      create: "COMPENSATE 1",
      pay: "COMPENSATE 2",
    });
    expect(() => plan(record, { from: "pay" })).toThrow(/it is being undone, so --from has no meaning/);
  });
});

it("a run that is going, or of which something was asked, is not replayed", () => {
  const requests = [{ id: 1, at: NOW, event: { type: "resumed" } }] as const;
  expect(() => plan(recordOf(definition, { state: { status: "parked" }, requests }))).toThrow(
    /resume was asked for/,
  );
  expect(() => plan(recordOf(definition))).toThrow(/it is still going \(running\)/);
});
