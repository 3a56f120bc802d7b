import { describe, expect, it } from "vitest";
import type { Definition } from "../../../src/core/saga/definition/definition.ts";
import { parseDefinition } from "../../../src/core/saga/definition/read-definition.ts";
import { newRun } from "../../../src/core/saga/engine/new-run.ts";
import { UNTOUCHED } from "../../../src/core/saga/engine/run-state.ts";
import { transition } from "../../../src/core/saga/engine/transition.ts";
import { type Fate, fates, SimulatedWorld } from "./simulated-world.ts";

const RETRY = "retry: { attempts: 3, initial: 100ms }";

/** Steps one after the other; each is undone unless its name begins with `!`, `*` is the pivot, `?` has a probe, `0` is nullSafe. */
async function chain(...names: readonly string[]): Promise<Definition> {
  const steps = names.map((marked) => {
    const name = marked.replace(/[^a-z]/g, "");
    const isPivot = marked.includes("*");
    const parts = [
      `name: ${name}`,
      "action: { http: POST http://x/ }",
      "timeout: 1s",
      "settle: 500ms",
      RETRY,
    ];
    if (isPivot) parts.push("pivot: true");
    else if (!marked.includes("!")) {
      const nullSafe = marked.includes("0") ? ", nullSafe: true" : "";
      parts.push(`compensate: { http: DELETE http://x/${nullSafe} }`);
    }
    if (marked.includes("?")) parts.push("probe: { http: GET http://x/ }");
    return `  - { ${parts.join(", ")} }`;
  });
  return (await parseDefinition(["saga: s", "steps:", ...steps].join("\n"), "f.yaml")).definition;
}

describe("a chain", () => {
  it.each<
    [
      what: string,
      steps: readonly string[],
      table: Readonly<Record<string, readonly Fate[]>>,
      status: string,
      standing: string,
    ]
  >([
    ["all well", ["a", "b", "c"], {}, "completed", "a b c"],
    ["the last fails", ["a", "b", "c", "d"], { d: ["fail"] }, "compensated", ""],
    ["the third fails", ["a", "b", "c", "d"], { c: ["fail"] }, "compensated", ""],
    ["the first fails", ["a", "b"], { a: ["fail"] }, "compensated", ""],
    ["nobody listens for a while", ["a", "b"], { b: ["not-sent", "not-sent", "ok"] }, "completed", "a b"],
    ["nobody listens", ["a", "b"], { b: ["not-sent"] }, "compensated", ""],
    [
      "applied and timed out, the key is sent again",
      ["a", "b"],
      { b: ["applied-timeout", "ok"] },
      "completed",
      "a b",
    ],
    ["applied and timed out, a probe says so", ["a", "b?"], { b: ["applied-timeout"] }, "completed", "a b"],
    ["lost, a probe says so, sent again", ["a", "b?"], { b: ["lost-timeout", "ok"] }, "completed", "a b"],
    ["late, a probe waits for it", ["a", "b?"], { b: ["late", "fail"] }, "completed", "a b"],
    ["for ever unknown", ["a", "b"], { b: ["lost-timeout"] }, "parked", "a"],
    [
      "applied, then a failure elsewhere",
      ["a", "b?", "c"],
      { b: ["applied-timeout"], c: ["fail"] },
      "compensated",
      "",
    ],
    [
      "unknown, then refused: unknown all the same",
      ["a", "b"],
      { b: ["applied-timeout", "not-sent", "not-sent"] },
      "parked",
      "a b",
    ],
    [
      "unknown, undone blindly",
      ["a", "b0"],
      { b: ["applied-timeout", "not-sent", "not-sent"] },
      "parked",
      "a b",
    ],
    ["after the pivot it goes on", ["a", "b*", "!c"], { c: ["fail", "fail", "ok"] }, "completed", "a b c"],
    ["after the pivot it is never undone", ["a", "b*", "!c"], { c: ["fail"] }, "parked", "a b"],
    ["the pivot itself fails", ["a", "b*", "!c"], { b: ["fail"] }, "compensated", ""],
    ["the undo fails", ["a", "b", "c"], { c: ["fail"], "undo.b": ["fail"] }, "parked", "a b"],
    [
      "the undo times out and is sent again",
      ["a", "b"],
      { b: ["fail"], "undo.a": ["applied-timeout", "ok"] },
      "compensated",
      "",
    ],
    ["the worker dies before the effect", ["a", "b"], { b: ["crash", "ok"] }, "completed", "a b"],
    ["the worker dies after the effect", ["a", "b"], { b: ["crash-after", "ok"] }, "completed", "a b"],
    [
      "the worker dies in the undo",
      ["a", "b"],
      { b: ["fail"], "undo.a": ["crash-after", "crash", "ok"] },
      "compensated",
      "",
    ],
    ["what has no undo stays", ["!a", "b"], { b: ["fail"] }, "compensated", "a"],
  ])("%s", async (_what, steps, table, status, standing) => {
    const world = new SimulatedWorld(await chain(...steps), fates(table));
    expect(world.play().status).toBe(status);
    expect(world.standing.join(" ")).toBe(standing);
  });
});

it("believes no probe that was begun while an attempt could still arrive, however late it answers", async () => {
  const definition = await chain("a?");
  const at = (now: number) => ({ definition, now, random: () => 0.5 });
  const started = transition(
    newRun(definition, { runId: "r", defHash: "h", input: null }),
    { type: "started" },
    at(0),
  );
  const timeout = { kind: "unknown", message: "timeout" } as const;
  const outcome = { type: "outcome", step: "a", direction: "do", attempt: 1, outcome: timeout } as const;
  const step = definition.steps[0];
  const settledAt = (started.state.steps["a"]?.do.deadlineAt ?? 0) + (step?.settleMs ?? 0);
  const lost = transition(started.state, outcome, at(10));
  const probing = transition(lost.state, { type: "due" }, at(settledAt - 1));
  expect(probing.intents).toMatchObject([{ asks: "probe" }]);
  const no = { type: "probed", step: "a", answer: { kind: "not-done" } } as const;
  expect(transition(probing.state, no, at(settledAt + 50)).intents).toMatchObject([{ asks: "probe" }]);
  const again = transition(probing.state, no, at(settledAt + 50));
  expect(transition(again.state, no, at(settledAt + 60)).intents).toMatchObject([{ asks: "effect" }]);
});

it("keeps the last probe until the attempt has arrived or never will", async () => {
  const definition = await chain("a?");
  const at = (now: number) => ({ definition, now, random: () => 0.5 });
  const fresh = newRun(definition, { runId: "r", defHash: "h", input: null });
  let { state, intents } = transition(fresh, { type: "started" }, at(0));
  ({ state, intents } = transition(state, { type: "taken-over" }, at(10)));
  const busy = { kind: "unknown", message: "409" } as const;
  const probed = { type: "probed", step: "a", answer: busy } as const;
  for (const now of [20, 300]) {
    expect(intents).toMatchObject([{ asks: "probe" }]);
    ({ state, intents } = transition(state, probed, at(now)));
    ({ state, intents } = transition(state, { type: "due" }, at(now + 250)));
  }
  // The attempt has a second, and may arrive half a second after that.
  expect(intents).toEqual([]);
  const settled = transition(state, { type: "due" }, at(1500));
  expect(transition(state, { type: "due" }, at(1499))).toMatchObject({ intents: [], dueAt: 1500 });
  expect(settled.intents).toMatchObject([{ asks: "probe" }]);
  const yes = { type: "probed", step: "a", answer: { kind: "done", output: null } } as const;
  expect(transition(settled.state, yes, at(1510)).state.status).toBe("completed");
});

it("undoes against the order of all steps, also past one that nothing undoes", async () => {
  const world = new SimulatedWorld(
    await chain("a", "!b", "c", "d"),
    fates({ d: ["fail"], "undo.c": ["lost-timeout", "ok"] }),
  );
  expect(world.play().status).toBe("compensated");
  const undone = world.log.filter((line) => line.startsWith("undo")).map((line) => line.split(" ")[1]);
  expect(undone).toEqual(["c", "c", "a"]);
});

it("begins no step before all that stand before it are done, whatever was taken over", async () => {
  const world = new SimulatedWorld(await chain("a", "b", "c"), fates({}));
  world.play();
  const { steps } = world.state;
  const untouched = { do: { ...UNTOUCHED, generation: 2 }, undo: { ...UNTOUCHED, generation: 2 } };
  world.state = { ...world.state, status: "running", steps: { ...steps, a: untouched, c: untouched } };
  world.apply({ type: "started" });
  expect(world.state.steps["c"]?.do.status).toBe("pending");
});

describe("an operator", () => {
  it("compensates a parked run, which is undone blindly or by what a probe says", async () => {
    const world = new SimulatedWorld(await chain("a", "b0"), fates({ b: ["applied-timeout"] }));
    expect(world.play().status).toBe("parked");
    expect(world.standing).toEqual(["a", "b"]);
    world.apply({ type: "compensated", message: "give up" });
    expect(world.play()).toMatchObject({ status: "compensated", cause: { type: "compensated" } });
    expect(world.standing).toEqual([]);
  });

  it("cannot undo what is not known, until it is said", async () => {
    const world = new SimulatedWorld(await chain("a", "b"), fates({ b: ["applied-timeout", "not-sent"] }));
    expect(world.play().status).toBe("parked");
    world.apply({ type: "compensated", message: "give up" });
    expect(world.play().status).toBe("parked");
    expect(world.standing).toEqual(["a", "b"]);
    world.apply({ type: "resolved", step: "b", direction: "do", as: "done", output: null });
    expect(world.play().status).toBe("compensated");
    expect(world.standing).toEqual([]);
  });

  it("says what became of a step, and the run goes on as if it had never been parked", async () => {
    const world = new SimulatedWorld(
      await chain("a", "b", "c"),
      fates({ b: ["applied-timeout", "not-sent"] }),
    );
    expect(world.play()).toMatchObject({ status: "parked", cause: { type: "parked", step: "b" } });
    world.apply({ type: "resolved", step: "b", direction: "do", as: "done", output: null });
    expect(world.play()).toMatchObject({ status: "completed", cause: null });
  });

  it("resumes with a fresh budget", async () => {
    let isUp = false;
    const world = new SimulatedWorld(await chain("a", "b*", "!c"), (step) =>
      step === "c" && !isUp ? "fail" : "ok",
    );
    expect(world.play().status).toBe("parked");
    isUp = true;
    world.apply({ type: "resumed" });
    expect(world.play().status).toBe("completed");
  });

  it("cancels a run that has done nothing", async () => {
    const world = new SimulatedWorld(await chain("a"), fates({}));
    world.apply({ type: "cancelled", message: "not wanted" });
    expect(world.state.status).toBe("cancelled");
  });
});
