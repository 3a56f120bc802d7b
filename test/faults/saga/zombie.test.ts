import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openJournal } from "../../../src/core/saga/journal/open-journal.ts";
import { runDcs } from "../../support/cli.ts";
import { hurried } from "../../support/order-sagas.ts";
import { startOrderServices } from "../../support/order-services.ts";
import { keptRuns, problemsInJournal } from "../../support/saga-invariants.ts";
import { JOURNALS } from "../../support/saga-journals.ts";
import { sandboxPerTest } from "../../support/sandbox-per-test.ts";
import { until } from "../../support/until.ts";
import { signal } from "../kit/processes.ts";

const LEASE = "1s";

/** What the first worker finds when it goes on. */
const CALLS = [
  { name: "the answer lies there", fault: { do: "slow", ms: 300 } },
  { name: "there is no answer, and the effect is there", fault: { do: "apply-then-stall" } },
  // The second worker is told 409 under the same key until the effect is there.
  { name: "the service is still at it", fault: { do: "slow", ms: 2500 } },
] as const;

describe.each(JOURNALS)("a worker that stands still in a call, with the journal on $name", ({ open }) => {
  const box = sandboxPerTest();
  let kept: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    kept = await open();
  });
  afterAll(() => kept[Symbol.asyncDispose]());

  it.each(CALLS)("$name: it writes nothing more and calls nobody", async ({ fault }) => {
    await using services = await startOrderServices();
    const { payment, orders } = services;
    await payment.fault({ match: "POST /v1/charges", ...fault });
    const file = `${box.dir}/saga.yaml`;
    writeFileSync(file, hurried(services.definition(), { timeout: "4s" }));
    const dcs = ["--journal", kept.url];
    const input = ["--input", "sku=book", "--input", "amount=30"];
    const started = await runDcs(["saga", "start", file, ...dcs, ...input, "--json"], { env: box.env });
    expect(started.code, started.stderr).toBe(0);
    const { run } = (started.json() as { data: { run: string } }).data;
    await using journal = await openJournal(kept.url, { timeoutMs: 5000, stateDir: box.dir });
    const worker = (...more: readonly string[]) =>
      box.start("saga", "worker", ...dcs, "--lease", LEASE, "--poll", "100ms", "--json", ...more);

    const zombie = worker();
    const wasAsked = async () => Object.values((await payment.effects()).keys).some(({ asked }) => asked > 0);
    await until(wasAsked);
    signal(zombie.pid, "SIGSTOP");
    const owner = (await journal.run(run))?.owner;

    const heir = worker();
    await until(async () => (await journal.run(run))?.state.status === "completed", 20_000);
    const events = await journal.events(run);
    expect(events.at(-1)?.epoch).toBeGreaterThan(1);
    expect(events.flatMap((each) => each.events).map(({ type }) => type)).toContain("taken-over");
    const rows = await keptRuns(journal);
    const effects = await Promise.all([payment.effects(), orders.effects()]);

    signal(zombie.pid, "SIGCONT");
    await until(() => told(zombie.stdout(), "lost").length > 0);
    expect(told(zombie.stdout(), "lost")).toMatchObject([{ run }]);
    // It is of use for other runs: it goes on as a worker, and ends as one.
    zombie.process.kill("SIGTERM");
    expect(await zombie.done).toMatchObject({ code: 0 });
    heir.process.kill("SIGTERM");
    expect(await heir.done).toMatchObject({ code: 0 });

    expect(owner).toContain(`/${zombie.pid}/`);
    expect(await keptRuns(journal)).toEqual(rows);
    expect(await Promise.all([payment.effects(), orders.effects()])).toEqual(effects);
    expect(effects[0].counts).toEqual({ charge: 1 });
    expect(effects[1].counts).toEqual({ order: 1, shipment: 1 });
    expect(await problemsInJournal(journal)).toEqual([]);
  });
});

/** The events of that name in what a worker printed. */
function told(stdout: string, event: string): readonly Record<string, unknown>[] {
  const lines = stdout.split("\n").filter((line) => line.endsWith("}"));
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return events.filter((each) => each["event"] === event);
}
