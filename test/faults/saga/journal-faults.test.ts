import { readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openJournal } from "../../../src/core/saga/journal/open-journal.ts";
import { runDcs, runProcess } from "../../support/cli.ts";
import { freePort } from "../../support/free-port.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { newDatabase } from "../../support/mysql-journal.ts";
import { exampleSaga, hurried } from "../../support/order-sagas.ts";
import { type OrderServices, startOrderServices } from "../../support/order-services.ts";
import { problemsInJournal } from "../../support/saga-invariants.ts";
import { sandboxPerTest } from "../../support/sandbox-per-test.ts";
import type { DcsExit } from "../../support/start-dcs.ts";
import { until } from "../../support/until.ts";

const INPUT = ["--input", "sku=book", "--input", "amount=30"];
/** Takes effect once it is over, whatever becomes of the caller. */
const SLOW = { match: "POST /v1/charges", do: "slow", ms: 1500 } as const;

const box = sandboxPerTest();
let services: OrderServices;
let before: Readonly<Record<string, number>>;
beforeAll(async () => {
  services = await startOrderServices();
});
afterAll(() => services[Symbol.asyncDispose]());
beforeEach(async () => {
  await Promise.all([services.orders.clearFaults(), services.payment.clearFaults()]);
  writeFileSync(`${box.dir}/saga.yaml`, hurried(services.definition(), { timeout: "8s", settle: "0s" }));
  before = await counts();
});

async function counts(): Promise<Readonly<Record<string, number>>> {
  const all = await Promise.all([services.orders.effects(), services.payment.effects()]);
  return { order: 0, shipment: 0, charge: 0, refund: 0, ...all[0].counts, ...all[1].counts };
}
/** What took effect in this test. */
async function since(): Promise<Readonly<Record<string, number>>> {
  const changed = Object.entries(await counts()).map(([name, count]) => [name, count - (before[name] ?? 0)]);
  return Object.fromEntries(changed.filter(([, count]) => count !== 0));
}
const saga = (...args: readonly string[]) =>
  runDcs(["saga", ...args, "--json"], { env: box.env, cwd: box.dir, timeout: 40_000 });
const run = (url: string, ...more: readonly string[]) =>
  saga("run", "saga.yaml", ...INPUT, "--journal", url, "--timeout", "1s", ...more);
const WHOLE = { order: 1, charge: 1, shipment: 1 };

/** Refuses at once and clearly, and nothing was called. */
async function expectRefused(url: string, code: string, exit: number, says: RegExp): Promise<void> {
  const refused = await run(url);
  expect(refused.code, refused.stdout).toBe(exit);
  expect(refused.json()).toMatchObject({
    error: { code, message: expect.stringMatching(says), hint: expect.stringMatching(/./) },
  });
  expect(await since()).toEqual({});
}

/** The same journal serves again, with nothing in it that should not be. */
async function expectServes(url: string): Promise<void> {
  expect(await run(url)).toMatchObject({ code: 0 });
  expect(await since()).toEqual(WHOLE);
  await using journal = await openJournal(url, { timeoutMs: 5000, stateDir: box.dir });
  expect(await problemsInJournal(journal)).toEqual([]);
}

/** Begins a run, and resolves when the payment service is at its charge. */
async function inTheCharge(url: string, lease: string) {
  await services.payment.fault(SLOW);
  const asked = async () =>
    Object.values((await services.payment.effects()).keys).reduce((sum, each) => sum + each.asked, 0);
  const atFirst = await asked();
  const where = ["--journal", url, "--timeout", "1s", "--lease", lease];
  const running = box.start("saga", "run", "saga.yaml", ...INPUT, ...where, "--json");
  await until(async () => (await asked()) > atFirst);
  return running;
}

/** The run that a process left, which it named, resumed by another: it ends as if nothing had been. */
async function expectResumed(url: string, { stdout, stderr }: DcsExit): Promise<void> {
  const { data } = (await saga("ls", "--journal", url)).json() as { data: { runs: { run: string }[] } };
  expect(data.runs).toHaveLength(1);
  const [left] = data.runs;
  expect(`${stdout}${stderr}`).toContain(left?.run);
  const resumed = await saga("resume", left?.run ?? "", "--reason", "the journal is back", "--journal", url);
  expect(resumed.code, resumed.stdout).toBe(0);
  expect(await since()).toEqual(WHOLE);
  await using journal = await openJournal(url, { timeoutMs: 5000, stateDir: box.dir });
  expect(await problemsInJournal(journal)).toEqual([]);
}

describe("a journal in a file", () => {
  const path = () => `${box.dir}/journal.db`;
  const url = () => `embedded:${path()}`;
  const made = async () => {
    await using _journal = await openJournal(url(), { timeoutMs: 5000, stateDir: box.dir });
  };

  it("that is something else is refused, and left as it is", async () => {
    writeFileSync(path(), "these are the accounts of 1998\n".repeat(400));
    const text = readFileSync(path());
    await expectRefused(url(), "JOURNAL_CORRUPT", 5, /journal\.db/);
    expect(readFileSync(path())).toEqual(text);
  });

  it("of a newer dcs is refused", async () => {
    await made();
    const version = (number: number) => {
      using db = new DatabaseSync(path());
      const { user_version: is } = db.prepare("PRAGMA user_version").get() ?? {};
      db.exec(`PRAGMA user_version = ${number}`);
      return Number(is);
    };
    const present = version(99);
    await expectRefused(url(), "JOURNAL_NEWER", 3, /newer dcs/);
    version(present);
    await expectServes(url());
  });

  it("that another process writes all the time is said to be out of reach", async () => {
    await made();
    using db = new DatabaseSync(path());
    db.exec("BEGIN IMMEDIATE");
    await expectRefused(url(), "JOURNAL_UNREACHABLE", 5, /write lock/);
    db.exec("ROLLBACK");
    await expectServes(url());
  });

  it("on a full disk begins nothing", async () => {
    await made();
    const shell = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", process.execPath];
    const bin = new URL("../../../bin/dcs.js", import.meta.url).pathname;
    const words = ["saga", "run", "saga.yaml", ...INPUT, "--journal", url(), "--json"];
    const full = await runProcess([...shell, bin, ...words], { env: box.env, cwd: box.dir });
    expect(full.code, full.stdout).toBe(5);
    expect(JSON.parse(full.stdout)).toMatchObject({ error: { code: "JOURNAL_FULL" } });
    expect(await since()).toEqual({});
    await expectServes(url());
  });

  it("on a disk that is full for a while ends the run all the same", async () => {
    const running = await inTheCharge(url(), "10s");
    await limit(running.pid, "4096");
    await until(async () => (await since())["charge"] === 1);
    await limit(running.pid, "unlimited");
    expect(await running.done).toMatchObject({ code: 0 });
    expect(await since()).toEqual(WHOLE);
  });

  it("on a disk that stays full leaves the run for others", async () => {
    const running = await inTheCharge(url(), "2s");
    await limit(running.pid, "4096");
    const left = await running.done;
    expect(left.code, left.stdout).toBe(3);
    expect(JSON.parse(left.stdout)).toMatchObject({ error: { code: "RUN_LOST" } });
    expect(await since()).toEqual({ order: 1, charge: 1 });
    await expectResumed(url(), left);
  });
});

/** How large the files of a process may grow, bytes. */
async function limit(pid: number, bytes: string): Promise<void> {
  const { code, stderr } = await runProcess(["prlimit", `--pid=${pid}`, `--fsize=${bytes}:unlimited`], {
    env: box.env,
  });
  expect(code, stderr).toBe(0);
}

describe("a journal in MariaDB", () => {
  let server: MariaDb;
  beforeAll(async () => {
    server = await startMariaDb();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("where nobody listens is out of reach", async () => {
    await expectRefused(
      `mysql://dcs@127.0.0.1:${await freePort()}/dcs`,
      "JOURNAL_UNREACHABLE",
      5,
      /127\.0\.0\.1/,
    );
  });

  it("without its tables says what makes them", async () => {
    const url = await newDatabase(server, { migrated: false });
    await expectRefused(url, "JOURNAL_NOT_MIGRATED", 3, /journal/);
    expect(await saga("migrate", "--journal", url)).toMatchObject({ code: 0 });
    await expectServes(url);
  });

  it("of a newer dcs is refused", async () => {
    const url = await newDatabase(server);
    const tables = new URL(url).pathname.slice(1);
    const version = await server.run(`SELECT version FROM ${tables}.saga_meta`);
    await server.run(`UPDATE ${tables}.saga_meta SET version = 99`);
    await expectRefused(url, "JOURNAL_NEWER", 3, /newer dcs/);
    await server.run(`UPDATE ${tables}.saga_meta SET version = ${version}`);
    await expectServes(url);
  });

  it("that is killed and started again in a call ends the run all the same", async () => {
    const url = await newDatabase(server);
    const running = await inTheCharge(url, "30s");
    await server.kill();
    await until(async () => (await since())["charge"] === 1);
    await server.start();
    expect(await running.done, running.stderr()).toMatchObject({ code: 0 });
    expect(await since()).toEqual(WHOLE);
  });

  it("that is killed and stays away for longer than the lease leaves the run for others", async () => {
    const url = await newDatabase(server);
    const running = await inTheCharge(url, "2s");
    await server.kill();
    const left = await running.done;
    expect(left.code, left.stdout).toBe(5);
    expect(JSON.parse(left.stdout)).toMatchObject({ error: { code: "JOURNAL_UNREACHABLE" } });
    await server.start();
    await expectResumed(url, left);
  });
});

describe("a service that is not registered", () => {
  const url = () => `embedded:${box.dir}/journal.db`;

  it("is said to be so, and the run is undone when its attempts are over", async () => {
    writeFileSync(`${box.dir}/saga.yaml`, hurried(exampleSaga()));
    const undone = await run(url());
    expect(undone.code, undone.stdout).toBe(9);
    expect(undone.json()).toMatchObject({
      error: {
        code: "RUN_COMPENSATED",
        message: expect.stringMatching(/orders.*regist|no.*instance.*orders/),
      },
      data: { steps: [{ name: "create-order", attempts: 4 }, {}, {}] },
    });
    expect(await since()).toEqual({});
  });

  it("is waited for while there are attempts", async () => {
    writeFileSync(`${box.dir}/saga.yaml`, hurried(exampleSaga(), { attempts: 200, timeout: "5s" }));
    const running = box.start("saga", "run", "saga.yaml", ...INPUT, "--journal", url(), "--json");
    await until(() => running.stderr().includes("attempt 2"));
    await services.register(box.env["DCS_STATE_DIR"] ?? "");
    expect(await running.done).toMatchObject({ code: 0 });
    expect(await since()).toEqual(WHOLE);
  });
});
