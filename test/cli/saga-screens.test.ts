import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
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

  it.each([
    ["ls"],
    ["unknowns"],
    ["show", "261123"],
    ["why", "261123"],
    ["resume", "261123", "--reason", "x"],
  ])("makes no journal where %s finds none, and says so", async (...args) => {
    const missing = `${box.dir}/typo/journal.db`;
    const { code, stdout, stderr } = await dcs("saga", ...args, "--journal", `embedded:${missing}`);
    expect(stderr).toContain(`there is no journal at ${missing}: no saga has been run with it`);
    expect(code, stdout).toBe(args.length === 1 ? 0 : 6);
    expect(existsSync(`${box.dir}/typo`)).toBe(false);
  });

  it("says which module has ended dcs by process.exit, and never that the run is completed", async () => {
    writeFileSync(`${box.dir}/ends.mjs`, "export default () => process.exit(0);\n");
    writeFileSync(file, "saga: ends\nsteps:\n  - name: last\n    action: { module: ./ends.mjs }\n");
    const run = await dcs("saga", "run", file);
    expect(run.stderr).toMatch(
      /process\.exit\(0\) was called while default of \S+ends\.mjs \(step last of run/,
    );
    expect(run.code).toBe(8);
  });

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

  it("writes down nothing secret that an operator types, and asks for a reason where the plan has none", async () => {
    const secret = "4111-1111-1111-1111";
    const env = { ...box.env, DCS_SAGA_KEY: "ab".repeat(32), DCS_SECRET_API: "hunter2-hunter2" };
    writeFileSync(
      file,
      `saga: card
input: { card: { type: string, secret: true } }
steps:
  - name: pay
    action: { exec: ["false", "\${{ input.card }}"] }
    unknown: park
`,
    );
    const keyed = (...args: readonly string[]) => runDcs(["saga", ...args], { env, cwd: box.dir });
    const run = await keyed("run", file, "--input", `card=${secret}`, "--json");
    expect(run.code).toBe(8);
    const { run: id } = run.json()["data"] as { run: string };
    const why = await keyed("why", id);
    expect(why.stdout).not.toContain("saga resume");
    const said = `it was ${secret} with hunter2-hunter2`;
    const verdict = ["pay", "--as", "done", "--evidence", said, "--result", JSON.stringify({ said })];
    const plan = await keyed("resolve", id, ...verdict, "--dry-run", "--out", "plan.json");
    expect(plan.stdout).toContain('dcs saga resolve --plan plan.json --reason "…"');
    expect((await keyed("resolve", "--plan", "plan.json")).stderr).toContain('--reason "…"');
    expect(await keyed("resolve", "--plan", "plan.json", "--reason", said)).toMatchObject({ code: 0 });
    const shown = await keyed("show", id);
    expect(shown.stdout).toContain('input   {"card":"[sealed]"}');
    expect(shown.stdout).toContain("it was [redacted] with [redacted] (evidence: it was [redacted]");
    const files = readdirSync(box.dir, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
    for (const each of files) {
      const text = readFileSync(`${each.parentPath}/${each.name}`, "latin1");
      expect(text, each.name).not.toContain(secret);
      expect(text, each.name).not.toContain("hunter2");
    }
    expect(files.map(({ name }) => name)).toContain("journal.db");
  });

  it("says at Ctrl-C what it waits for", async () => {
    await services.payment.fault({ match: "POST /v1/charges", do: "slow", ms: 700 });
    const run = box.start("saga", "run", file, ...INPUT);
    await until(() => run.stderr().includes("deduct-payment  begun"));
    run.process.kill("SIGINT");
    const { code, stderr } = await run.done;
    expect(code).toBe(130);
    expect(stderr).toContain("Ctrl-C again leaves it at once");
  });

  it("warns where a key stands for a run with another input, and not of workers where it is over", async () => {
    const key = ["--key", "order-1"];
    expect((await dcs("saga", "run", file, ...INPUT, ...key)).code).toBe(0);
    const same = await dcs("saga", "start", file, ...INPUT, ...key, "--json");
    expect(same.json()["warnings"]).toEqual([]);
    const other = ["--input", "sku=book", "--input", "amount=99", ...key];
    const started = await dcs("saga", "start", file, ...other, "--json");
    expect(started.json()["warnings"]).toMatchObject([{ code: "KEY_USED" }]);
    writeFileSync(file, hurried(services.definition(), { timeout: "4s", settle: "0s" }));
    const run = await dcs("saga", "run", file, ...other);
    expect(run.stderr).toMatch(
      /the key order-1 began run \S+ before, with another input and another definition/,
    );
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
