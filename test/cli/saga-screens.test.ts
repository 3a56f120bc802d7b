import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import { hurried } from "../support/order-sagas.ts";
import { type OrderServices, startOrderServices } from "../support/order-services.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

const INPUT = ["--input", "sku=book", "--input", "amount=30"];

describe("what dcs saga says to people", () => {
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

  it("tells an error once, when it happened, and what is begun with its attempt", async () => {
    await services.orders.fault({ match: "POST /v1/orders", do: "error", times: 2 });
    const run = await dcs("saga", "run", file, ...INPUT);
    expect(run.code, run.stderr).toBe(0);
    const [first, ...lines] = run.stderr.split("\n");
    expect(first).toMatch(/^run \d{6}-\d{6}-[0-9a-f]+$/);
    expect(lines[0]).toBe("create-order  begun");
    expect(lines).toContain("create-order  begun (attempt 3)");
    expect(run.stderr.match(/answered 500/g)).toHaveLength(2);
    expect(run.stderr).not.toMatch(/begun.*answered/);
  });

  it("says that the service is asked, who has a run that is taken over, and not again what was known", async () => {
    await services.payment.fault({ match: "POST /v1/charges", do: "apply-then-stall" });
    const killed = box.start("saga", "run", file, ...INPUT, "--lease", "1s");
    await until(() => killed.stderr().includes("deduct-payment  begun"));
    killed.process.kill("SIGKILL");
    await killed.done;
    const [, id = ""] = /^run (\S+)/.exec(killed.stderr()) ?? [];
    const resumed = await dcs("saga", "resume", id, "--reason", "it was killed");
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(resumed.stderr).toMatch(/has it, or had it; if it is gone, it is taken over at /);
    expect(resumed.stderr).toContain("deduct-payment  asked whether it took effect (probe 1)");
    expect(resumed.stderr).not.toContain("create-order");
  });

  it("lists by status and --all together, and says where nothing is", async () => {
    expect((await dcs("saga", "ls")).stdout).toMatch(/^there is no run in embedded:.*; `dcs saga run FILE`/);
    expect((await dcs("saga", "run", file, ...INPUT)).code).toBe(0);
    const listed = await dcs("saga", "ls", "--all", "--status", "completed", "-o", "name");
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\S+\n$/) });
    expect((await dcs("saga", "ls")).stdout).toBe("no run is live; 1 have ended: --all shows them\n");
    expect((await dcs("saga", "ls", "--saga", "other", "--all")).stdout).toMatch(/^no run matches/);
  });
});
