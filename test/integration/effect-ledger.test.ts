import { expect, it } from "vitest";
import type { Action, Definition, HttpAction } from "../../src/core/saga/definition/definition.ts";
import type { Contexts, Json } from "../../src/core/saga/definition/expression.ts";
import { parseDefinition } from "../../src/core/saga/definition/read-definition.ts";
import { Template } from "../../src/core/saga/definition/template.ts";
import type { Outcome, RunEvent } from "../../src/core/saga/engine/event.ts";
import { newRun } from "../../src/core/saga/engine/new-run.ts";
import { callKey, type Intent, type RunState } from "../../src/core/saga/engine/run-state.ts";
import { transition } from "../../src/core/saga/engine/transition.ts";
import { EffectLedger } from "../support/effect-ledger.ts";
import { LEDGER_FATES, type LedgerFate, seededFates } from "../support/ledger-fates.ts";
import { problemsOf, randomSaga } from "../support/random-saga.ts";
import { until } from "../support/until.ts";

type KeyOf = (id: string, intent: Intent) => string;
const honestKey: KeyOf = (id, { step, direction, generation }) => callKey(id, step, direction, generation);

/** The least that plays a definition against real services: no journal, no leases, in one process. */
class Play {
  readonly #definition: Definition;
  readonly #id: string;
  readonly #keyOf: KeyOf;
  #state: RunState;
  readonly #ended = Promise.withResolvers<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(definition: Definition, id: string, keyOf: KeyOf) {
    this.#definition = definition;
    this.#id = id;
    this.#keyOf = keyOf;
    this.#state = newRun(definition, { runId: id, defHash: "hash", input: { id } });
  }

  run(): Promise<string> {
    this.#apply({ type: "started" });
    return this.#ended.promise;
  }

  #apply(event: RunEvent): void {
    clearTimeout(this.#timer);
    const parts = { definition: this.#definition, now: Date.now(), random: Math.random };
    const next = transition(this.#state, event, parts);
    this.#state = next.state;
    for (const intent of next.intents) void this.#call(intent);
    const { status } = next.state;
    if (status !== "running" && status !== "compensating") this.#ended.resolve(status);
    else if (next.dueAt !== null)
      this.#timer = setTimeout(() => this.#apply({ type: "due" }), Math.max(1, next.dueAt - Date.now() + 1));
  }

  async #call(intent: Intent): Promise<void> {
    const { step: name, direction, asks, attempt } = intent;
    const step = this.#definition.steps.find((each) => each.name === name);
    const action: Action | undefined | null =
      asks === "probe" ? step?.probe : direction === "do" ? step?.action : step?.compensate?.action;
    if (action?.type !== "http") throw new Error(`${name} has no such call`);
    const key = this.#keyOf(this.#id, intent);
    const steps = Object.entries(this.#state.steps).map(
      ([
        each,
        {
          do: { output },
        },
      ]) => [each, { output }],
    );
    const actionKey = this.#keyOf(this.#id, { ...intent, direction: "do" });
    const contexts = { input: { id: this.#id }, steps: Object.fromEntries(steps), key, actionKey };
    const left = (this.#state.steps[name]?.[direction].deadlineAt ?? 0) - Date.now();
    const outcome = await send(action, key, contexts, asks === "probe" ? 200 : left);
    if (asks === "effect") return this.#apply({ type: "outcome", step: name, direction, attempt, outcome });
    const answer =
      outcome.kind === "done"
        ? outcome
        : outcome.kind === "failed"
          ? { kind: "not-done" as const }
          : { kind: "unknown" as const, message: outcome.message };
    this.#apply({ type: "probed", step: name, answer });
  }
}

async function send(
  action: HttpAction,
  key: string,
  contexts: Contexts,
  timeoutMs: number,
): Promise<Outcome> {
  if (timeoutMs <= 0) return { kind: "not-sent", message: "too late" };
  try {
    const response = await fetch(action.url.text(contexts), {
      method: action.method,
      headers: { "idempotency-key": key },
      signal: AbortSignal.timeout(timeoutMs),
      ...(action.body === undefined ? {} : { body: JSON.stringify(filled(action.body, contexts)) }),
    });
    const output = (await response.json()) as Json;
    if (response.ok) return { kind: "done", output };
    const isDefinite = response.status < 500 && response.status !== 409;
    return { kind: isDefinite ? "failed" : "unknown", message: String(response.status) };
  } catch (error) {
    return { kind: "unknown", message: String(error) };
  }
}

function filled(tree: unknown, contexts: Contexts): unknown {
  if (tree instanceof Template) return tree.value(contexts);
  if (Array.isArray(tree)) return tree.map((each) => filled(each, contexts));
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(Object.entries(tree).map(([name, each]) => [name, filled(each, contexts)]));
}

async function play(seeds: readonly number[], ledger: EffectLedger, keyOf: KeyOf = honestKey) {
  const runs = seeds.map(async (seed) => {
    const saga = randomSaga({ seed, url: ledger.url });
    const { definition } = await parseDefinition(saga.text, "saga.yaml");
    return { saga, id: `case-${seed}`, status: await new Play(definition, `case-${seed}`, keyOf).run() };
  });
  const ended = await Promise.all(runs);
  await until(() => ledger.coming === 0);
  return {
    statuses: new Set(ended.map(({ status }) => status)),
    problems: ended.flatMap(({ saga, id, status }) => problemsOf(saga, ledger, id, status)),
  };
}

const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1);

it("sees nothing wrong with an engine that keeps the rules", async () => {
  await using ledger = await EffectLedger.start(seededFates(1));
  const { statuses, problems } = await play(SEEDS, ledger);
  expect(problems).toEqual([]);
  expect([...statuses].sort()).toEqual(["compensated", "completed", "parked"]);
}, 60_000);

it("sees what a key for each attempt does", async () => {
  await using ledger = await EffectLedger.start(seededFates(1));
  const keyOf: KeyOf = (id, { step, direction, asks, attempt }) =>
    callKey(id, step, direction, asks === "probe" ? 1 : attempt);
  const { problems } = await play(SEEDS, ledger, keyOf);
  expect(problems.join("\n")).toContain('"kind":"double"');
}, 60_000);

it("does what it is told to, and notes what should not have been asked", async () => {
  const next: LedgerFate[] = [];
  await using ledger = await EffectLedger.start(() => next.shift() ?? "ok", 1000);
  const ask = async (path: string, key: string, body?: object, timeoutMs = 5000): Promise<number> =>
    fetch(`${ledger.url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { "idempotency-key": key },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).then(
      ({ status }) => status,
      () => 0,
    );
  for (const fate of ["busy", "late", "stall", "reset", "fail", "applied-reset", "applied-500"] as const) {
    next.push(fate);
    const first = await ask("/do/a", fate, { id: fate }, ["late", "stall"].includes(fate) ? 200 : 5000);
    expect(first).toBe(fate === "busy" ? 409 : fate === "fail" ? 402 : fate === "applied-500" ? 500 : 0);
    const isThere = ledger.standing(fate).length === 1;
    expect(isThere).toBe(fate.startsWith("applied"));
    await until(async () => (await ask("/do/a", fate, { id: fate })) === 200);
    expect(await ask(`/probe/a/${fate}?id=${fate}`, "")).toBe(200);
    expect(ledger.standing(fate)).toEqual(["a"]);
  }
  expect(ledger.violations).toEqual([]);
  const wrong: readonly [kind: string, path: string, key: string, body: object][] = [
    ["reused", "/do/a", "busy", { id: "other" }],
    ["double", "/do/a", "k1", { id: "busy" }],
    ["order", "/do/b", "k2", { id: "late", after: ["nothing"] }],
    ["undo-of-nothing", "/undo/c", "k3", { id: "late", action: "nothing" }],
    ["resent", "/do/c", "nothing", { id: "late" }],
  ];
  for (const [kind, path, key, body] of wrong) {
    await ask(path, key, body);
    expect(ledger.violations.at(-1)).toMatchObject({ kind, key });
  }
  await ask("/do/b", "k4", { id: "stall", after: ["stall"] });
  await ask("/undo/a", "k5", { id: "stall", action: "stall" });
  expect(ledger.violations.at(-1)).toMatchObject({ kind: "undo-order", key: "k5" });
  next.push("late");
  const late = ask("/do/d", "k6", { id: "reset" });
  await until(() => ledger.coming === 1);
  await ask("/undo/d", "k7", { id: "reset", action: "k6", nullSafe: true });
  expect(ledger.violations.at(-1)).toMatchObject({ kind: "early", key: "k7" });
  expect(await late).toBe(410);
  expect(ledger.standing("reset")).toEqual(["a"]);
});

it("draws fates and definitions from the seed alone", async () => {
  const calls = SEEDS.map((n) => ({ id: `c${n}`, step: "a", direction: "do" as const, attempt: 1 }));
  const draw = (seed: number) => calls.map(seededFates(seed, { share: 0.9 }));
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
  expect(new Set(draw(1))).toEqual(new Set(LEDGER_FATES));
  for (const seed of Array.from({ length: 200 }, (_, index) => index)) {
    const saga = randomSaga({ seed, url: "http://127.0.0.1:1" });
    expect(randomSaga({ seed, url: "http://127.0.0.1:1" })).toEqual(saga);
    expect((await parseDefinition(saga.text, "saga.yaml")).warnings).toEqual([]);
  }
});
