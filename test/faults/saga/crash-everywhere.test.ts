import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { isDcsError } from "../../../src/core/errors.ts";
import type { ReadDefinition } from "../../../src/core/saga/definition/read-definition.ts";
import { EffectLedger } from "../../support/effect-ledger.ts";
import type { LedgerCall, LedgerFate } from "../../support/ledger-fates.ts";
import type { RandomSaga } from "../../support/random-saga.ts";
import { problemsInJournal } from "../../support/saga-invariants.ts";
import { JOURNALS } from "../../support/saga-journals.ts";
import { until } from "../../support/until.ts";
import { inParallel } from "../kit/in-parallel.ts";
import { type Ground, MortalSagas, openGround, readSaga } from "../kit/mortal-sagas.ts";
import { problemsOfCase } from "../kit/problems-of-case.ts";

const LONG = process.env["DCS_LONG"] === "1";
const NEVER = Number.POSITIVE_INFINITY;
const AT_ONCE = 64;
const LEASE_MS = 500;
/** A busy machine may hold a request up for longer than its timeout; `settle` is what the definition promises of that. */
const TIMES = { timeoutMs: 400, settleMs: 1000, lateMs: 450 };
const STEPS = ["s0", "s1", "s2"] as const;

/** How an outcome that is not known is found out. */
const WAYS = {
  again: { unknown: "idempotent" },
  probe: { unknown: "probe" },
  blind: { unknown: "idempotent", nullSafe: true },
} as const;
type Way = keyof typeof WAYS;

/** What becomes of the first attempt of one call, or of all; every other works. */
interface Scenario {
  readonly step: (typeof STEPS)[number];
  readonly direction: "do" | "undo";
  readonly fate: LedgerFate;
  readonly always: boolean;
  readonly ways: readonly Way[];
}

/** Applied and timed out, not applied and timed out, applied after the caller has given up; a connection that breaks. */
const UNSURE: readonly LedgerFate[] = [
  "applied-stall",
  "stall",
  "late",
  ...(LONG ? (["reset"] as const) : []),
];
const UNSURE_UNDO: readonly LedgerFate[] = LONG ? UNSURE : ["applied-stall", "late"];
const MIXED: readonly Way[] = ["again", "probe", "blind"];
const CHAINS: readonly (readonly Way[])[] = LONG
  ? [MIXED, ["again", "again", "again"], ["probe", "probe", "probe"], ["blind", "blind", "blind"]]
  : [MIXED];

const SCENARIOS: readonly Scenario[] = CHAINS.flatMap((ways) => [
  { step: "s0", direction: "do", fate: "ok", always: true, ways },
  ...STEPS.flatMap((step): Scenario[] => [
    ...UNSURE.map((fate): Scenario => ({ step, direction: "do", fate, always: false, ways })),
    { step, direction: "do", fate: "fail", always: true, ways },
  ]),
  // The last step fails, and what undoes the others has its troubles.
  ...STEPS.slice(0, 2).flatMap((step): Scenario[] => [
    ...UNSURE_UNDO.map((fate): Scenario => ({ step, direction: "undo", fate, always: false, ways })),
    { step, direction: "undo", fate: "fail", always: true, ways },
  ]),
]);

describe.each(JOURNALS)("dying at every write and every call, with the journal on $name", ({ open }) => {
  let kept: Awaited<ReturnType<typeof open>>;
  let ledger: EffectLedger;
  let ground: Ground;
  beforeAll(async () => {
    kept = await open();
    ledger = await EffectLedger.start(fateOf, TIMES.lateMs);
    ground = await openGround(kept.url);
  });
  afterAll(async () => {
    await ground[Symbol.asyncDispose]();
    await ledger[Symbol.asyncDispose]();
    await kept[Symbol.asyncDispose]();
  });

  /** Plays a case to its end, with one process after the other: each but the last dies at its point, if it gets there. */
  async function play(scenario: Scenario, ...dieAt: readonly number[]) {
    const { read, saga } = await sagaOf(scenario.ways, ledger.url);
    const id = JSON.stringify([scenario, ...dieAt]);
    const parts = { input: { id }, businessKey: id };
    let points = 0;
    for (const at of dieAt) {
      // What is counted should not be cut short by a lease that a busy machine loses.
      const mortal = new MortalSagas(ground, at === NEVER ? LEASE_MS * 20 : LEASE_MS, at);
      await Promise.race([mortal.sagas.run(read, parts).catch(lost), mortal.died]);
      points = mortal.points;
    }
    for (;;) {
      const last = new MortalSagas(ground, LEASE_MS);
      const followed = await last.sagas.run(read, parts).catch(lost);
      if (followed !== null) {
        const { runId, status } = followed.record.state;
        return { saga, id, runId, scenario, status, points };
      }
    }
  }

  it("ends as it would have, with every effect once", async () => {
    const undisturbed = await inParallel(SCENARIOS, AT_ONCE, (scenario) => play(scenario, NEVER));
    for (const { id, runId, scenario, status } of undisturbed) {
      const told = `${id}: ${JSON.stringify(await ground.journal.events(runId), null, 1)}`;
      expect(allowed(scenario, false), told).toContain(status);
    }
    const all = undisturbed.flatMap(({ scenario, points }, index) =>
      Array.from({ length: points }, (_, before) => ({ scenario, at: before + 1, turn: before + index })),
    );
    // Every point of the run in which nothing else happens; of the others each third, another one in each scenario.
    const cases = all.filter(({ scenario, turn }) => LONG || scenario.fate === "ok" || turn % 3 === 0);
    const once = await inParallel(cases, AT_ONCE, ({ scenario, at }) => play(scenario, at));
    // The one that took over dies as well, each time a point further.
    const further = cases.flatMap((each) => [1, 2, 3, 4, 5, 6].map((more) => ({ ...each, more })));
    const twice = await inParallel(LONG ? further : [], AT_ONCE, ({ scenario, at, more }) =>
      play(scenario, at, more),
    );
    await until(() => ledger.coming === 0);

    const problems: string[] = [];
    for (const { id, runId, saga, scenario, status } of [...undisturbed, ...once, ...twice]) {
      const found = problemsOfCase(saga, ledger, id, status);
      if (!allowed(scenario, true).includes(status)) found.push(`${id} is ${status}`);
      if (found.length === 0) continue;
      const events = await ground.journal.events(runId);
      problems.push(`${found.join("\n")}\n${events.map((each) => JSON.stringify(each)).join("\n")}`);
    }
    expect(problems.slice(0, 3), `${problems.length} problems`).toEqual([]);
    expect(await problemsInJournal(ground.journal)).toEqual([]);
    // Before and after the first write of each, of three calls, and of the write that follows each.
    expect(all.length).toBeGreaterThan(SCENARIOS.length * 10);
  });
});

/** A busy machine may lose a lease as well: then another goes on. */
function lost(error: unknown): null {
  if (isDcsError(error, "RUN_LOST")) return null;
  throw error;
}

/** How a run may end. A step that failed once the answer was lost has an outcome nobody knows, unless a probe can tell. */
function allowed({ direction, fate, always, step, ways }: Scenario, isCrashed: boolean): readonly string[] {
  if (direction === "undo" && always) return ["parked"];
  if (direction === "undo")
    return isCrashed && ways[2] !== "probe" ? ["compensated", "parked"] : ["compensated"];
  if (fate !== "fail") return ["completed"];
  const way = ways[STEPS.indexOf(step)];
  return isCrashed && way !== "probe" ? ["compensated", "parked"] : ["compensated"];
}

function fateOf({ id, step, direction, attempt }: LedgerCall): LedgerFate {
  if (direction === "probe") return "ok";
  const [scenario] = JSON.parse(id) as [Scenario];
  if (scenario.direction === "undo" && direction === "do" && step === "s2") return "fail";
  if (step !== scenario.step || direction !== scenario.direction) return "ok";
  return scenario.always || attempt === 1 ? scenario.fate : "ok";
}

const SAGAS = new Map<string, { readonly read: ReadDefinition; readonly saga: RandomSaga }>();

/** A chain of three steps over a ledger. */
async function sagaOf(ways: readonly Way[], url: string) {
  const name = `chain-${ways.join("-")}`;
  const known = SAGAS.get(`${name} ${url}`);
  if (known !== undefined) return known;
  const id = "${{ input.id }}";
  const steps = STEPS.map((step, index) => {
    const way = ways[index] ?? "again";
    const { unknown } = WAYS[way];
    const nullSafe = way === "blind";
    const needs = STEPS.slice(Math.max(0, index - 1), index);
    const after = needs.map((need) => `\${{ steps.${need}.output.key }}`);
    return {
      name: step,
      action: { http: `POST ${url}/do/${step}`, body: { id, after, kept: false } },
      ...(way === "probe" ? { probe: { http: `GET ${url}/probe/${step}/\${{ key }}?id=x` } } : {}),
      compensate: {
        http: `POST ${url}/undo/${step}`,
        body: { id, action: "${{ actionKey }}", nullSafe },
        nullSafe,
      },
      timeout: `${TIMES.timeoutMs}ms`,
      settle: `${TIMES.settleMs}ms`,
      retry: { attempts: 20, initial: "5ms", max: "40ms" },
      unknown,
    };
  });
  const text = stringify({ saga: name, input: { id: "string" }, steps });
  const read = await readSaga(text);
  const found = { read, saga: { text, steps: [...STEPS], kept: [] } };
  SAGAS.set(`${name} ${url}`, found);
  return found;
}
