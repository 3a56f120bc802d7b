import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ReadDefinition } from "../../../src/core/saga/definition/read-definition.ts";
import { callKey, type RunState } from "../../../src/core/saga/engine/run-state.ts";
import { exampleSaga, hurried, PARALLEL_SAGA } from "../../support/order-sagas.ts";
import { type OrderServices, type ServiceEffect, startOrderServices } from "../../support/order-services.ts";
import { JOURNALS } from "../../support/saga-journals.ts";
import { openLab, type SagaLab } from "../../support/saga-lab.ts";

const CRASHER = new URL("../fixtures/saga-crasher.ts", import.meta.url).pathname;
/** Processes at a time. */
const AT_ONCE = 6;
/** Long enough for a process on a busy machine to keep it, ms. */
const LEASE_MS = 1500;

/** What the services do to every run, and how each must end. */
const SCENARIOS = [
  { name: "all goes well", saga: exampleSaga(), amount: 30, prepare: async () => {}, ends: "completed" },
  {
    name: "the card is declined",
    saga: exampleSaga(),
    amount: 5000,
    prepare: async () => {},
    ends: "compensated",
  },
  {
    name: "the shipment fails for good",
    saga: exampleSaga(),
    amount: 30,
    prepare: ({ orders }: OrderServices) =>
      orders.fault({ match: "POST /v1/orders/*/shipment", do: "fail", times: "always" }),
    ends: "compensated",
  },
  {
    name: "the charge is applied and its answer lost, every first time",
    saga: exampleSaga(),
    amount: 30,
    prepare: ({ payment }: OrderServices) =>
      payment.fault({ match: "POST /v1/charges", do: "apply-then-reset", times: "always" }),
    ends: "completed",
  },
  {
    name: "branches at once, and a payment that is declined",
    saga: PARALLEL_SAGA,
    amount: 5000,
    prepare: async () => {},
    ends: "compensated",
  },
] as const;

/** Processes take their time: all of it on both engines is for the long run. */
function scenariosOn(engine: string): readonly (typeof SCENARIOS)[number][] {
  const isShort = engine !== "SQLite" && !process.env["DCS_LONG"];
  return isShort ? SCENARIOS.filter(({ ends }) => ends === "compensated").slice(-1) : SCENARIOS;
}

describe.each(JOURNALS)(
  "killed at every write and every call, with the journal on $name",
  ({ name, open }) => {
    let services: OrderServices;
    let journal: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => {
      services = await startOrderServices();
      journal = await open();
    });
    afterAll(async () => {
      await services[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    });

    it.each(scenariosOn(name))("$name: $ends, every effect once", async ({ saga, amount, prepare, ends }) => {
      await Promise.all([services.orders.clearFaults(), services.payment.clearFaults()]);
      await prepare(services);
      const definition = hurried(services.definition(saga), { settle: "0s" });
      await using lab = await openLab({ url: journal.url, leaseMs: LEASE_MS });
      const read = await lab.read(definition);
      const input = { sku: "book", amount };
      let points: number | null = null;
      for (let from = 1; points === null; from += AT_ONCE) {
        const tries = Array.from({ length: AT_ONCE }, async (_, index) => {
          const businessKey = randomUUID();
          const env = {
            ...{ PATH: process.env["PATH"] ?? "", JOURNAL: journal.url, DEFINITION: definition },
            ...{ CRASH_AT: String(from + index), BUSINESS_KEY: businessKey },
            ...{ INPUT: JSON.stringify(input), LEASE_MS: String(LEASE_MS) },
          };
          const printed = await crash(env);
          if (printed !== null) points = Number(printed);
          const { record, isOver } = await lab.sagas.run(read, { input, businessKey });
          expect(isOver).toBe(true);
          return record.state.status === "parked" ? decided(lab, record.state) : record.state;
        });
        for (const state of await Promise.all(tries)) {
          expect(state.status, JSON.stringify(state, null, 2)).toBe(ends);
          await checkEffects(services, read, state);
        }
      }
      // Before and after the first write, of each call, and of the write that follows it.
      expect(points).toBeGreaterThanOrEqual(2 + 4 * 2);
    });
  },
);

/**
 * A shipment that was under way when the worker died, and was then refused, may have been made before: nothing says
 * whether, so it is parked. The operator looks, and says that it was not.
 */
async function decided({ journal, sagas }: SagaLab, { runId, steps }: RunState): Promise<RunState> {
  expect(steps["ship"]?.do).toMatchObject({ status: "parked", everUnknown: true });
  const event = { type: "resolved", step: "ship", direction: "do", as: "not-done", output: null } as const;
  const audit = { verb: "saga.resolve", actor: "test", reason: "looked", details: {} };
  await journal.request(runId, () => ({ event, audit }));
  const { record } = await sagas.follow(runId);
  return record.state;
}

/** What the process printed at its end; null when it killed itself. */
async function crash(env: Readonly<Record<string, string>>): Promise<string | null> {
  const child = spawn(process.execPath, [CRASHER], { env, stdio: ["ignore", "pipe", "inherit"] });
  const [printed, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  if (code === 0) return printed;
  expect({ code, signal }).toEqual({ code: null, signal: "SIGKILL" });
  return null;
}

/** Each key took effect at most once, and what stands is all of a completed run and nothing of an undone one. */
async function checkEffects(services: OrderServices, { definition }: ReadDefinition, state: RunState) {
  const all = await Promise.all([services.orders.effects(), services.payment.effects()]);
  const effects = all.flatMap((each) => each.effects);
  const ofKey = (step: string, way: "do" | "undo"): readonly ServiceEffect[] => {
    const key = callKey(state.rootId, step, way, state.steps[step]?.[way].generation ?? 1);
    return effects.filter((effect) => effect.key === key);
  };
  for (const { name, compensate } of definition.steps) {
    const done = ofKey(name, "do").length;
    const undone = ofKey(name, "undo").filter(({ kind }) => kind !== "void").length;
    expect(done, `${name} took effect ${done} times`).toBeLessThanOrEqual(1);
    expect(undone, `${name} was undone ${undone} times`).toBeLessThanOrEqual(1);
    if (state.status === "completed") expect([done, undone], name).toEqual([1, 0]);
    else if (compensate !== null) expect(done - undone, name).toBe(0);
  }
}
