import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BenchPlan } from "../../../src/core/bench/bench-plan.ts";
import { benchPlan, drive, openPlan, refusalOf, saidAroundClose } from "../../support/bench-drive.ts";
import { endsByItself } from "../../support/bench-process.ts";
import { freePort } from "../../support/free-port.ts";
import { type MariaDb, startMariaDb } from "../../support/mariadb.ts";
import { until } from "../../support/until.ts";

describe("MariaDB, driven", () => {
  let db: MariaDb;

  beforeAll(async () => {
    db = await startMariaDb();
    await db.run("CREATE TABLE t (id INT PRIMARY KEY, r BIGINT, word VARCHAR(20))");
  });

  afterAll(() => db?.[Symbol.asyncDispose]());

  const plan = (
    text: string | null,
    more: Partial<BenchPlan> = {},
    url = `mysql://dcs@127.0.0.1:${db.port}/dcs`,
  ) => benchPlan(url, { operation: text === null ? null : { text }, ...more });

  /** A counter of the server; what is asked to learn it is not counted in it. */
  async function counter(name: string): Promise<number> {
    return Number((await db.run(`SHOW GLOBAL STATUS LIKE '${name}'`)).split("\t")[1]);
  }

  const sessions = async () => (await counter("Threads_connected")) - 1;

  it("runs each statement once, one at a time on each session", async () => {
    const driver = await openPlan(plan("INSERT INTO t VALUES ({n}, {r}, 'w {n}')"));
    const before = await counter("Com_insert");
    const { counts, errors } = await drive(driver, { requests: 200, lanes: 8 });
    expect(await sessions()).toBe(4);
    await driver.close();
    expect([counts, errors]).toEqual([
      { sent: 200, ok: 200, errors: 0, timeouts: 0, unfinished: 0, dropped: 0 },
      {},
    ]);
    expect((await counter("Com_insert")) - before).toBe(200);
    expect(await db.run("SELECT COUNT(*), MIN(id), MAX(id), SUM(word = CONCAT('w ', id)) FROM t")).toBe(
      "200\t0\t199\t200",
    );
    await until(async () => (await sessions()) === 0);
    expect(await counter("Aborted_clients")).toBe(0);
  });

  it("leaves nothing open at a server that stands still, so that its process ends", async () => {
    try {
      const tookMs = await endsByItself(plan("SELECT 1"), async () => {
        process.kill(db.pid, "SIGSTOP");
      });
      expect(tookMs).toBeLessThan(5000);
    } finally {
      process.kill(db.pid, "SIGCONT");
    }
  });

  it("selects 1 unless told otherwise, and counts what it gets", async () => {
    for (const [text, bytes] of [
      [null, 1],
      ["SELECT id, word FROM t WHERE id = 7", 4],
    ] as const) {
      const driver = await openPlan(plan(text));
      const before = await counter("Com_select");
      const driven = await drive(driver, { requests: 200 });
      await driver.close();
      expect([driven.counts.ok, driven.bytes]).toEqual([200, 200 * bytes]);
      expect((await counter("Com_select")) - before).toBe(200);
    }
  });

  it("opens sessions as they are needed where no number is given", async () => {
    const driver = await openPlan(plan("DO SLEEP(0.005)", { connections: null }));
    expect(await sessions()).toBe(1);
    await drive(driver, { requests: 100, lanes: 10 });
    expect(await sessions()).toBeGreaterThan(5);
    expect(await sessions()).toBeLessThanOrEqual(10);
    await driver.close();
  });

  it("tells what the server refuses by its number, on the same sessions", async () => {
    for (const [text, kind, example] of [
      ["INSERT INTO t VALUES (7, 0, '')", "error 1062", /Duplicate entry '7'/],
      ["SELECT nothing", "error 1054", /Unknown column/],
      ["INSERT INTO t VALUES (-1, 0, '{n} is far too long for it')", "error 1406", /too long/],
    ] as const) {
      const driver = await openPlan(plan(text));
      const before = await counter("Connections");
      const { errors, examples } = await drive(driver, { requests: 20 });
      // One asks for the counter.
      expect([errors, await counter("Connections")]).toEqual([{ [kind]: 20 }, before + 1]);
      expect(examples[kind]).toMatch(example);
      await driver.close();
    }
  });

  it("gives up what has no answer in time, and opens a new session for the next", async () => {
    const driver = await openPlan(plan("DO SLEEP(IF({n} % 10 = 0, 2, 0))"));
    const { counts } = await drive(driver, { requests: 100, timeoutMs: 100 });
    await driver.close();
    expect(counts).toMatchObject({ ok: 90, timeouts: 10, errors: 0 });
  });

  it("goes on with failures when the server is killed, and with answers when it is back", async () => {
    const driver = await openPlan(plan("INSERT INTO t VALUES (1000 + {n}, 0, '')"));
    const rows = async () => Number(await db.run("SELECT COUNT(*) FROM t WHERE id >= 1000"));
    const { counts, errors } = await drive(driver, {
      async during() {
        await until(async () => (await rows()) > 20);
        await db.kill();
        await db.start();
        const now = await rows();
        await until(async () => (await rows()) > now + 20);
      },
    });
    await driver.close();
    for (const kind of Object.keys(errors))
      expect(["closed", "ECONNRESET", "ECONNREFUSED", "EPIPE"]).toContain(kind);
    expect(Object.keys(errors)).toContain("ECONNREFUSED");
    const done = await rows();
    expect(done).toBeGreaterThanOrEqual(counts.ok);
    expect(done).toBeLessThanOrEqual(counts.sent);
  });

  it("says nothing more of a statement once it is closed", async () => {
    expect(await saidAroundClose(await openPlan(plan("DO SLEEP(1)")))).toEqual(["began"]);
  });

  it("leaves nothing behind", async () => {
    const before = await counter("Com_do");
    const ended = endsByItself(plan("DO 1"), () =>
      until(async () => (await counter("Com_do")) > before + 110),
    );
    expect(await ended).toBeLessThan(2000);
  });

  it("says at once why it cannot begin", async () => {
    const at = (login: string, database = "dcs") => `mysql://${login}@127.0.0.1:${db.port}/${database}`;
    expect(await refusalOf(plan(null, {}, `mysql://dcs@127.0.0.1:${await freePort()}/dcs`))).toMatchObject({
      code: "BENCH_UNREACHABLE",
      exitCode: 5,
      message: expect.stringContaining("ECONNREFUSED"),
    });
    const denied = await refusalOf(plan(null, {}, at("nobody:secret")));
    expect(denied).toMatchObject({ code: "PERMISSION_DENIED", exitCode: 4 });
    expect(denied?.message).not.toContain("secret");
    const user = (await db.run("SELECT CURRENT_USER()")).replace("@", "'@'");
    await db.asRoot(`GRANT ALL ON nowhere.* TO '${user}'`);
    expect(await refusalOf(plan(null, {}, at("dcs", "nowhere")))).toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("names a database that is not there"),
    });
    expect(await refusalOf(plan("DROP TABLE t"))).toMatchObject({ code: "USAGE", exitCode: 2 });
    expect(await refusalOf(plan(null, {}, "mysql://h/db"))).toMatchObject({
      code: "URL_INVALID",
      message: 'TARGET: "mysql://h/db" names no user',
    });
    expect(await counter("Com_drop_table")).toBe(0);
  });
});
