import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import { hurried } from "../support/order-sagas.ts";
import { type OrderServices, startOrderServices } from "../support/order-services.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

const INPUT = ["--input", "sku=book", "--input", "amount=30"];

describe("dcs saga run, start and worker", () => {
  const box = sandboxPerTest();
  let services: OrderServices;
  let file: string;
  beforeAll(async () => {
    services = await startOrderServices();
  });
  afterAll(async () => {
    await services[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await Promise.all([services.orders.clearFaults(), services.payment.clearFaults()]);
    file = `${box.dir}/saga.yaml`;
    writeFileSync(file, hurried(services.definition(), { timeout: "5s", settle: "0s" }));
  });

  const dcs = (...args: readonly string[]) => runDcs(args, { env: box.env, cwd: box.dir });
  const charges = async () => (await services.payment.effects()).counts.charge ?? 0;

  it("runs to the end, and gives every step as JSON", async () => {
    const run = await dcs("saga", "run", file, ...INPUT, "--json");
    expect(run.code, run.stderr).toBe(0);
    const document = run.json();
    expect(document).toMatchObject({ schema: "dcs.saga.run/1", ok: true });
    expect(document["data"]).toMatchObject({
      status: "completed",
      error: null,
      steps: ["create-order", "deduct-payment", "ship"].map((name) => ({
        name,
        state: "done",
        attempts: 1,
        key: expect.stringMatching(/^[0-9a-f]{32}$/),
        durationMs: expect.any(Number),
      })),
    });
    expect(run.stderr).toContain("deduct-payment  done");
  });

  it("ends with 9 when everything was undone, with the data and what to type", async () => {
    const run = await dcs("saga", "run", file, "--input", "sku=piano", "--input", "amount=5000", "--json");
    expect(run.code).toBe(9);
    expect(run.json()).toMatchObject({
      schema: "dcs.error/1",
      error: { code: "RUN_COMPENSATED", hint: expect.stringContaining("dcs saga replay ") },
      data: { status: "compensated", error: { type: "failed", step: "deduct-payment" } },
    });
  });

  it("ends with 8 when a person has to look", async () => {
    writeFileSync(file, hurried(services.definition(), { attempts: 2, settle: "0s" }));
    await services.payment.fault({ match: "POST /v1/refunds", do: "fail", times: "always" });
    await services.orders.fault({ match: "POST /v1/orders/*/shipment", do: "fail" });
    const run = await dcs("saga", "run", file, ...INPUT);
    expect(run.code).toBe(8);
    expect(run.stderr).toMatch(/error RUN_PARKED: .*deduct-payment failed after 2 attempts/);
    expect(run.stderr).toContain("dcs saga resume ");
  });

  it("begins one run for one business key", async () => {
    const before = await charges();
    const ids = [];
    for (const verb of ["run", "run", "start"]) {
      const run = await dcs("saga", verb, file, ...INPUT, "--key", "order-1", "--json");
      expect(run.code, run.stderr).toBe(0);
      ids.push((run.json()["data"] as { run: string }).run);
    }
    expect(new Set(ids).size).toBe(1);
    expect(await charges()).toBe(before + 1);
  });

  it("stops waiting, and another command goes on with the run", async () => {
    await services.payment.fault({ match: "POST /v1/charges", do: "slow", ms: 1000 });
    const run = await dcs("saga", "run", file, ...INPUT, "--wait", "300ms", "--json");
    expect(run.code).toBe(8);
    expect(run.json()).toMatchObject({ error: { code: "RUN_PENDING" }, data: { status: "running" } });
    const { run: id } = run.json()["data"] as { run: string };
    const resumed = await dcs("saga", "resume", id, "--reason", "go on", "--json");
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.json()["data"]).toMatchObject({ run: id, status: "completed" });
  });

  it("Ctrl-C writes down what is under way, and leaves a run that goes on", async () => {
    await services.payment.fault({ match: "POST /v1/charges", do: "slow", ms: 700 });
    const before = await charges();
    const dcsRun = box.start("saga", "run", file, ...INPUT);
    await until(() => dcsRun.stderr().includes("deduct-payment  begun"));
    dcsRun.process.kill("SIGINT");
    const { code, stderr } = await dcsRun.done;
    expect(code).toBe(130);
    expect(stderr).toContain("nothing is lost");
    const [, id = ""] = /dcs saga resume (\S+)/.exec(stderr) ?? [];
    const resumed = await dcs("saga", "resume", id, "--reason", "go on");
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(await charges()).toBe(before + 1);
  });

  it("leaves a run to a worker, which is seen among the services and drains", async () => {
    const started = await dcs("saga", "start", file, ...INPUT, "--json");
    expect(started.code, started.stderr).toBe(0);
    expect(started.json()["warnings"]).toMatchObject([{ code: "NO_WORKER" }]);
    const { run: id } = started.json()["data"] as { run: string };
    const worker = box.start("saga", "worker", "--json", "--poll", "50ms");
    const events = () =>
      worker
        .stdout()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { event: string; run?: string });
    await until(() => worker.stdout().includes('"completed"'));
    expect(events().map(({ event }) => event)).toEqual(["started", "claimed", "completed"]);
    const seen = await dcs("services", "saga-worker", "--json");
    expect(seen.stdout).toContain("concurrency-64");
    const second = await dcs("saga", "start", file, ...INPUT, "--json");
    expect(second.json()["warnings"]).toEqual([]);

    await services.payment.fault({ match: "POST /v1/charges", do: "slow", ms: 500 });
    const third = await dcs("saga", "start", file, ...INPUT, "-o", "name");
    await until(() => events().some(({ event, run }) => event === "claimed" && run === third.stdout.trim()));
    worker.process.kill("SIGTERM");
    expect(await worker.done).toMatchObject({ code: 0, stderr: "" });
    expect(events().at(-1)).toMatchObject({ event: "stopped" });
    expect((await dcs("services", "saga-worker")).stdout).not.toContain("concurrency-64");
    const shown = await dcs("saga", "show", id, "--json");
    expect(shown.stdout).toContain('"completed"');
    // What the worker gave up is done by the next.
    expect((await dcs("saga", "worker", "--until-idle")).code).toBe(0);
    const last = await dcs("saga", "show", third.stdout.trim(), "--json");
    expect(last.stdout).toContain('"completed"');
  });

  it.each([
    [["--input", "sku"], 2, "--input sku: it is not NAME=VALUE"],
    [["--input", "sku=book"], 2, "amount"],
    [["--input", "sku=book", "--input", "amount=many"], 2, "amount"],
    [["--input", "sku=book", "--input", "amount=1", "--input", "colour=red"], 2, "colour"],
    [["--input-file", "none.json"], 2, "--input-file none.json"],
    [[...INPUT, "--key", ""], 2, "--key"],
    [[...INPUT, "--lease", "10ms"], 2, "--lease 10ms: it must be at least 1s"],
    [[...INPUT, "--journal", "redis://x"], 2, "redis"],
    [[...INPUT, "--journal", "embedded:/proc/none/j.db"], 4, "/proc/none"],
  ])("refuses %j", async (flags, code, message) => {
    const before = await services.orders.effects();
    const run = await dcs("saga", "run", file, ...flags);
    expect(run.stderr).toContain(message);
    expect(run.code).toBe(code);
    expect(run.stdout).toBe("");
    expect(await services.orders.effects()).toEqual(before);
  });

  it("takes the input from a file or stdin", async () => {
    writeFileSync(`${box.dir}/input.json`, JSON.stringify({ sku: "book", amount: 5000 }));
    const flags = ["--input-file", "input.json", "--input", "amount=20"];
    expect((await dcs("saga", "run", file, ...flags)).code).toBe(0);
    const input = readFileSync(`${box.dir}/input.json`, "utf8");
    const piped = await runDcs(["saga", "run", file, "--input-file", "-"], {
      env: box.env,
      cwd: box.dir,
      input,
    });
    expect(piped.code).toBe(9);
  });
});
