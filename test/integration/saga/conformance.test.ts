import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { Journal } from "../../../src/core/saga/journal/journal.ts";
import { MortalSagas, openGround, readSaga } from "../../faults/kit/mortal-sagas.ts";
import { EffectLedger } from "../../support/effect-ledger.ts";
import type { LedgerFate } from "../../support/ledger-fates.ts";
import { problemsInJournal } from "../../support/saga-invariants.ts";
import { JOURNALS, type TestJournal } from "../../support/saga-journals.ts";
import { openLab } from "../../support/saga-lab.ts";

const STEPS = ["a", "b", "c", "d"];
const LEASE_MS = 1000;

/** Four steps, each undone by its compensation, over a ledger. */
function chain(url: string): string {
  const id = `\${{ input.id }}`;
  const steps = STEPS.map((name) => ({
    name,
    action: { http: `POST ${url}/do/${name}`, body: { id } },
    compensate: { http: `POST ${url}/undo/${name}`, body: { id, action: `\${{ actionKey }}` } },
    timeout: "5s",
    retry: { attempts: 3, initial: "5ms", max: "10ms" },
  }));
  return stringify({ saga: "chain", input: { id: "string" }, steps });
}

describe.each(JOURNALS)("a chain of A, B, C and D, with the journal on $name", ({ open }) => {
  let kept: TestJournal;
  let ledger: EffectLedger;
  let troubles: Readonly<Record<string, LedgerFate>> = {};
  let cases = 0;
  let id = "";
  beforeAll(async () => {
    kept = await open();
    ledger = await EffectLedger.start(({ step, direction }) => troubles[`${direction} ${step}`] ?? "ok");
  });
  beforeEach(() => {
    id = `case-${++cases}`;
  });
  afterAll(async () => {
    await ledger[Symbol.asyncDispose]();
    await kept[Symbol.asyncDispose]();
  });

  const effects = (direction: "do" | "undo") =>
    ledger
      .effectsOf(id)
      .filter((each) => each.direction === direction)
      .map(({ step }) => step)
      .join(" ");
  const isRight = async (journal: Journal) => {
    expect(ledger.violations).toEqual([]);
    expect(await problemsInJournal(journal)).toEqual([]);
  };

  it.each([
    { fails: "d", done: "a b c", undone: "c b a" },
    { fails: "c", done: "a b", undone: "b a" },
    { fails: "b", done: "a", undone: "a" },
    { fails: "a", done: "", undone: "" },
  ])("$fails fails: $undone are undone, in this order", async ({ fails, done, undone }) => {
    troubles = { [`do ${fails}`]: "fail" };
    await using lab = await openLab({ url: kept.url });
    const { record } = await lab.sagas.run(await lab.read(chain(ledger.url)), {
      input: { id },
      businessKey: null,
    });
    expect(record.state).toMatchObject({ status: "compensated", cause: { type: "failed", step: fails } });
    expect([effects("do"), effects("undo")]).toEqual([done, undone]);
    await isRight(lab.journal);
  });

  it("goes on with the undoing where a process died over it", async () => {
    troubles = { "do d": "fail" };
    await using ground = await openGround(kept.url);
    const read = await readSaga(chain(ledger.url));
    const parts = { input: { id }, businessKey: id };
    // Points: the run itself; a, b, c and d, and their writes; undo c and its write; the answer to undo b.
    const mortal = new MortalSagas(ground, LEASE_MS, 2 + 4 * 4 + 4 + 2);
    await Promise.race([mortal.sagas.run(read, parts), mortal.died]);
    expect([mortal.points, effects("undo")]).toEqual([24, "c b"]);
    const { record } = await new MortalSagas(ground, LEASE_MS).sagas.run(read, parts);
    expect(record.state.status).toBe("compensated");
    expect(record.epoch).toBeGreaterThan(1);
    expect([effects("do"), effects("undo")]).toEqual(["a b c", "c b a"]);
    await isRight(ground.journal);
  });

  it("parks where a compensation fails, and undoes nothing before it", async () => {
    troubles = { "do d": "fail", "undo b": "fail" };
    await using lab = await openLab({ url: kept.url });
    const { record } = await lab.sagas.run(await lab.read(chain(ledger.url)), {
      input: { id },
      businessKey: null,
    });
    expect(record.state).toMatchObject({ status: "parked", direction: "undo" });
    expect(record.state.steps["b"]?.undo).toMatchObject({ status: "parked", attempts: 3 });
    expect(record.state.steps["a"]?.undo).toMatchObject({ status: "pending", attempts: 0 });
    expect(effects("undo")).toBe("c");
    const parked = await lab.journal.runs({ statuses: ["parked"], limit: 10 });
    expect(parked.map(({ state }) => state.runId)).toEqual([record.state.runId]);
    await isRight(lab.journal);
  });
});
