import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openJournal } from "../../../src/core/saga/journal/open-journal.ts";
import { runDcs } from "../../support/cli.ts";
import { hurried } from "../../support/order-sagas.ts";
import { type OrderServices, startOrderServices } from "../../support/order-services.ts";
import { keptRuns, problemsInJournal } from "../../support/saga-invariants.ts";
import { JOURNALS, type TestJournal } from "../../support/saga-journals.ts";
import { sandboxPerTest } from "../../support/sandbox-per-test.ts";
import { until } from "../../support/until.ts";

const INPUT = ["--input", "sku=book", "--input", "amount=30"];
const SHIPMENT = "POST /v1/orders/*/shipment";

describe.each(JOURNALS)("an order by the built command, with the journal on $name", ({ open }) => {
  const box = sandboxPerTest();
  let kept: TestJournal;
  let services: OrderServices;
  let before: Counts;
  beforeAll(async () => {
    [kept, services] = await Promise.all([open(), startOrderServices()]);
  });
  afterAll(async () => {
    await services[Symbol.asyncDispose]();
    await kept[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await Promise.all([services.orders.clearFaults(), services.payment.clearFaults()]);
    writeFileSync(`${box.dir}/saga.yaml`, hurried(services.definition(), { timeout: "5s", settle: "0s" }));
    before = await counts();
  });

  type Counts = Awaited<ReturnType<typeof counts>>;
  const counts = async () => {
    const all = await Promise.all([services.orders.effects(), services.payment.effects()]);
    const { order = 0, cancel = 0, shipment = 0 } = all[0].counts;
    const { charge = 0, refund = 0 } = all[1].counts;
    return { order, cancel, shipment, charge, refund };
  };
  /** What took effect in this test. */
  const since = async () => {
    const now = await counts();
    const names = Object.keys(now) as (keyof Counts)[];
    return Object.fromEntries(names.map((name) => [name, now[name] - before[name]]));
  };
  const saga = (...args: readonly string[]) =>
    runDcs(["saga", ...args, "--journal", kept.url], { env: box.env, cwd: box.dir, timeout: 40_000 });
  const run = (...more: readonly string[]) => saga("run", "saga.yaml", ...INPUT, ...more);
  /** Runs it, and expects this exit; the id of the run. */
  const ran = async (code: number): Promise<string> => {
    const ended = await run("--json");
    expect(ended.code, ended.stdout).toBe(code);
    return (ended.json()["data"] as { run: string }).run;
  };
  const shown = async (id: string) => (await saga("show", id, "--json")).json()["data"];
  const look = () => openJournal(kept.url, { timeoutMs: 5000, stateDir: box.dir });
  const isRight = async () => {
    await using journal = await look();
    expect(await problemsInJournal(journal)).toEqual([]);
  };

  it.each([
    {
      what: "is refused",
      fault: "fail",
      isUnknown: false,
      because: /refunds?.*failed|failed.*refund|refused/s,
    },
    { what: "is never answered for certain", fault: "error", isUnknown: true, because: /not known/ },
  ] as const)(
    "shows a compensation that $what: listed, and told why",
    async ({ fault, isUnknown, because }) => {
      await services.payment.fault({ match: "POST /v1/refunds", do: fault, times: "always" });
      await services.orders.fault({ match: SHIPMENT, do: "fail" });
      const id = await ran(8);
      expect((await saga("ls", "--json")).json()).toMatchObject({
        data: { runs: [{ run: id, status: "parked" }] },
      });
      const call = { run: id, step: "deduct-payment", direction: "undo", state: "parked" };
      expect((await saga("unknowns", "--json")).json()).toMatchObject({
        data: { calls: isUnknown ? [call] : [] },
      });
      const why = await saga("why", id);
      expect(why.stdout).toContain("deduct-payment");
      expect(why.stdout).toMatch(because);
      expect(why.stdout).toContain(`dcs saga ${isUnknown ? "resolve" : "resume"} ${id}`);
      expect(await since()).toEqual({ order: 1, cancel: 0, shipment: 0, charge: 1, refund: 0 });
      await isRight();
      // The service is mended, and a person says so.
      await services.payment.clearFaults();
      expect(await saga("resume", id, "--reason", "refunds work again")).toMatchObject({ code: 9 });
      expect(await since()).toEqual({ order: 1, cancel: 1, shipment: 0, charge: 1, refund: 1 });
      await isRight();
    },
  );

  it("charges, refunds and charges again in a replay: two charges, one refund, and both runs say so", async () => {
    await services.orders.fault({ match: SHIPMENT, do: "fail" });
    const first = await ran(9);
    expect(await since()).toMatchObject({ charge: 1, refund: 1 });
    const replayed = await saga("replay", first, "--reason", "the van is back", "--yes", "--json");
    expect(replayed.code, replayed.stdout).toBe(0);
    const second = (replayed.json()["data"] as { run: string }).run;
    expect(await since()).toEqual({ order: 2, cancel: 1, shipment: 1, charge: 2, refund: 1 });
    const payment = (state: string, undo: string | null) =>
      expect.objectContaining({
        name: "deduct-payment",
        state,
        undo: undo === null ? null : expect.objectContaining({ state: undo }),
      });
    expect(await shown(first)).toMatchObject({
      status: "compensated",
      steps: expect.arrayContaining([payment("done", "done")]),
    });
    expect(await shown(second)).toMatchObject({
      status: "completed",
      parent: first,
      steps: expect.arrayContaining([payment("done", null)]),
      audit: [{ verb: "saga.replay", reason: "the van is back" }],
    });
    await isRight();
  });

  it("is killed between the charge and its journal, and resumed: one charge", async () => {
    await services.payment.fault({ match: "POST /v1/charges", do: "apply-then-stall" });
    const begun = box.start(
      ...["saga", "run", "saga.yaml", ...INPUT, "--journal", kept.url, "--lease", "1s", "--key", "killed"],
    );
    await until(async () => (await since())["charge"] === 1);
    begun.process.kill("SIGKILL");
    expect(await begun.done).toMatchObject({ signal: "SIGKILL" });
    const { data } = (await saga("ls", "--status", "running", "--json")).json() as {
      data: { runs: { run: string }[] };
    };
    const [found] = data.runs;
    const resumed = await saga("resume", found?.run ?? "", "--reason", "its process is gone", "--json");
    expect(resumed.code, resumed.stdout).toBe(0);
    expect(await since()).toEqual({ order: 1, cancel: 0, shipment: 1, charge: 1, refund: 0 });
    await isRight();
  });

  it("refunds once what was charged, timed out and found by the probe", async () => {
    writeFileSync(`${box.dir}/saga.yaml`, hurried(services.definition(), { timeout: "700ms", settle: "0s" }));
    await services.payment.fault({ match: "POST /v1/charges", do: "apply-then-stall" });
    await services.orders.fault({ match: SHIPMENT, do: "fail" });
    const id = await ran(9);
    expect(await since()).toEqual({ order: 1, cancel: 1, shipment: 0, charge: 1, refund: 1 });
    await using journal = await look();
    const events = (await journal.events(id)).flatMap((each) => each.events);
    const payment = events.filter(({ step }) => step === "deduct-payment").map(({ type }) => type);
    expect(payment).toEqual(["intent", "unknown", "probe", "probe-done", "intent", "done"]);
    const { effects } = await services.payment.effects();
    const [charge, refund] = effects.slice(-2);
    expect(refund).toMatchObject({ kind: "refund", charge: charge?.key });
    await isRight();
  });

  it("changes nothing by a dry run, does what the plan says, and refuses it once the run has moved", async () => {
    await services.orders.fault({ match: SHIPMENT, do: "fail" });
    const id = await ran(9);
    await using journal = await look();
    const rows = await keptRuns(journal);
    const effects = await since();
    const from = ["replay", id, "--from", "deduct-payment"];
    for (const out of ["plan.json", "late.json"]) {
      const dry = await saga(...from, "--dry-run", "--out", out);
      expect(dry, dry.stderr).toMatchObject({ code: 0 });
      for (const step of ["create-order", "deduct-payment", "ship"]) expect(dry.stdout).toContain(step);
    }
    expect(await keptRuns(journal)).toEqual(rows);
    expect(await since()).toEqual(effects);

    const done = await saga("replay", "--plan", "plan.json", "--reason", "as planned", "--json");
    expect(done.code, done.stdout).toBe(0);
    const after = await keptRuns(journal);
    expect(after).toHaveLength(rows.length + 1);
    // Of what was there nothing is changed by the replay of it.
    expect(after.slice(1)).toEqual(rows);
    const counted = await since();
    expect(counted).toMatchObject({ charge: 2, refund: 1, shipment: 1 });
    for (const plan of ["plan.json", "late.json"]) {
      const late = await saga("replay", "--plan", plan, "--reason", "once more", "--json");
      expect(late).toMatchObject({ code: 3, stdout: expect.stringContaining("PLAN_STALE") });
    }
    expect(await keptRuns(journal)).toEqual(after);
    expect(await since()).toEqual(counted);
    await isRight();
  });
});
