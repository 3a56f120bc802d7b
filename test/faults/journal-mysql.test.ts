import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Journal } from "../../src/core/saga/journal/journal.ts";
import { KnownInputs } from "../../src/core/saga/journal/known-inputs.ts";
import { commitBatch } from "../../src/core/saga/journal/mysql/commit-batch.ts";
import { migrateMysqlJournal } from "../../src/core/saga/journal/mysql/migrate-journal.ts";
import { openMysqlJournal } from "../../src/core/saga/journal/mysql/mysql-journal.ts";
import { quickBatch } from "../../src/core/saga/journal/mysql/quick-batch.ts";
import {
  CANCEL,
  callOf,
  change,
  held,
  LONG,
  made,
  newRun,
  read,
  withCall,
} from "../contract/journal/journal-harness.ts";
import { type MariaDb, startMariaDb } from "../support/mariadb.ts";
import { MYSQL_OPTIONS, newDatabase } from "../support/mysql-journal.ts";
import { FaultyProxy } from "../support/proxy.ts";
import { until } from "../support/until.ts";

let server: MariaDb;

beforeAll(async () => {
  server = await startMariaDb();
});

afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const nameOf = (url: string) => new URL(url).pathname.slice(1);

describe("a journal behind a bad line", () => {
  let proxy: FaultyProxy;
  let journal: Journal;
  let direct: Journal;

  beforeEach(async () => {
    const url = await newDatabase(server);
    proxy = await FaultyProxy.start(server.port);
    direct = await openMysqlJournal(url, MYSQL_OPTIONS);
    const through = url.replace(`:${server.port}/`, `:${proxy.port}/`);
    journal = await openMysqlJournal(through, { ...MYSQL_OPTIONS, timeoutMs: 2000 });
  });

  afterEach(async () => {
    await journal[Symbol.asyncDispose]();
    await direct[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  it("writes a transition once when the answer to its COMMIT is lost", async () => {
    const run = await made(direct, { lease: LONG });
    const accepted = proxy.accepted;
    proxy.cutAfterSend();
    const { results } = await journal.commit([change(run)], LONG);
    expect(results).toEqual(["held"]);
    expect(proxy.accepted).toBe(accepted + 1);
    expect((await direct.events(run.state.runId)).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it("writes a transition once when it never arrived", async () => {
    const run = await made(direct, { lease: LONG });
    proxy.mode = "drop-requests";
    const committed = journal.commit([change(run)], LONG);
    await until(() => proxy.lost > 0);
    proxy.mode = "pass";
    proxy.cut();
    expect((await committed).results).toEqual(["held"]);
    expect((await direct.events(run.state.runId)).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it("writes nothing when a transition arrives after its resending and what came then", async () => {
    const run = await made(direct, { lease: LONG });
    const state = withCall(run.state, "reserve", "do", { attempts: 1, status: "intent" });
    const first = change(run, { state, calls: [callOf(state, "reserve", "do")] });
    const parts = { changes: [first], lease: LONG, inputs: new KnownInputs() };
    const late = commitBatch(parts, { careful: false }).join(";\n");
    const quick = quickBatch(parts)?.join(";\n");
    expect((await direct.commit([first], LONG)).results).toEqual(["held"]);
    const next = withCall(state, "reserve", "do", { attempts: 2, status: "done", output: "new" });
    const second = change({ ...run, state: next, seq: 2 }, { calls: [callOf(next, "reserve", "do")] });
    expect((await direct.commit([second], LONG)).results).toEqual(["held"]);
    const before = await read(direct, run.state.runId);
    const names =
      "SET NAMES utf8mb4 COLLATE utf8mb4_bin; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    const arrive = (text: string | undefined) =>
      server.run(`USE ${nameOf(direct.url)}; ${names}; SET SESSION sql_mode = 'STRICT_ALL_TABLES'; ${text}`);
    await expect(arrive(quick)).rejects.toThrow("Column 'run_id' cannot be null");
    // It says that it is there, and changes nothing.
    expect(await arrive(late)).toMatch(/^0\t1\t0\t1\t/);
    expect(await read(direct, run.state.runId)).toEqual(before);
    expect(await direct.events(run.state.runId)).toHaveLength(3);
  });

  it("makes a run, and writes a request, once when the answers are lost", async () => {
    const run = newRun({ businessKey: "4711" });
    proxy.cutAfterSend();
    expect(await journal.create(run)).toMatchObject({ created: true });
    const { runId } = run.state;
    proxy.cutAfterSend();
    const asked = await journal.request(runId, () => CANCEL);
    expect(asked.requests).toHaveLength(1);
    // Each conversation of a request has two parts: now the second answer is lost, unless it was faster than the cut.
    let made = 1;
    for (const { accepted } = proxy; proxy.accepted === accepted && made < 20; made++) {
      proxy.cutIn = 2;
      const again = await journal.request(runId, () => CANCEL);
      expect(again.requests).toHaveLength(made + 1);
    }
    expect(made).toBeLessThan(20);
    expect(await direct.audits(runId)).toHaveLength(made);
    const seqs = (await direct.events(runId)).map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: made + 1 }, (_, i) => i + 1));
  });

  it("gives up within its time when nothing answers, and goes on afterwards", async () => {
    const run = await made(direct, { lease: LONG });
    proxy.mode = "black-hole";
    const sent = performance.now();
    await expect(journal.commit([change(run)], LONG)).rejects.toMatchObject({ code: "JOURNAL_UNREACHABLE" });
    const took = performance.now() - sent;
    expect(took).toBeGreaterThan(1900);
    expect(took).toBeLessThan(3000);
    proxy.mode = "pass";
    expect((await journal.commit([change(run)], LONG)).results).toEqual(["held"]);
  });

  it("does not open when nothing answers", async () => {
    proxy.mode = "black-hole";
    const url = `mysql://dcs:geheim@127.0.0.1:${proxy.port}/dcs`;
    const opened = openMysqlJournal(url, { ...MYSQL_OPTIONS, timeoutMs: 300 });
    await expect(opened).rejects.toMatchObject({ code: "JOURNAL_UNREACHABLE" });
    await expect(opened).rejects.not.toThrow("geheim");
  });
});

describe("the journal on a server", () => {
  it("costs one commit a transition", async () => {
    await using journal = await openMysqlJournal(await newDatabase(server), MYSQL_OPTIONS);
    const runs = [await made(journal, { lease: LONG }), await made(journal, { lease: LONG })];
    const before = await counted("Com_commit");
    const { results } = await journal.commit(
      runs.map((run) => change(run)),
      LONG,
    );
    expect(results).toEqual(["held", "held"]);
    expect((await counted("Com_commit")) - before).toBe(1);
  });

  it("sends a batch again that a deadlock broke", async () => {
    const url = await newDatabase(server);
    await using journal = await openMysqlJournal(url, MYSQL_OPTIONS);
    const runs = [await made(journal, { lease: LONG }), await made(journal, { lease: LONG })];
    const [first, last] = runs.map(({ state }) => state.runId).sort();
    await using session = server.session();
    // Against the order in which the journal locks; more written than the batch, so that it is the one to be broken.
    await session.run(`USE ${nameOf(url)}; START TRANSACTION; INSERT INTO saga_def VALUES ('a','b','c','d'),('e','b','c','d'),
      ('f','b','c','d'),('g','b','c','d'); UPDATE saga_run SET claims = 9 WHERE run_id = '${last}';`);
    const before = await counted("Innodb_deadlocks");
    const committed = journal.commit(
      runs.map((run) => change(run)),
      LONG,
    );
    await until(
      async () => (await server.run("SELECT COUNT(*) FROM information_schema.INNODB_LOCK_WAITS")) === "1",
    );
    await session.run(`UPDATE saga_run SET claims = 9 WHERE run_id = '${first}'; COMMIT;`);
    expect((await committed).results).toEqual(["held", "held"]);
    expect((await counted("Innodb_deadlocks")) - before).toBe(1);
    for (const { state } of runs) expect(await journal.events(state.runId)).toHaveLength(2);
  });

  it("splits a batch that is larger than the server takes", async () => {
    await using journal = await openMysqlJournal(await newDatabase(server), MYSQL_OPTIONS);
    const runs = await Promise.all(Array.from({ length: 24 }, () => made(journal, { lease: LONG })));
    const output = "ä'".repeat(250_000);
    const changes = runs.map((run) => {
      const state = withCall(run.state, "charge", "do", { status: "done", output });
      return change(run, { state, calls: [callOf(state, "charge", "do")] });
    });
    const { results } = await journal.commit(changes, LONG);
    expect(results).toEqual(runs.map(() => "held"));
    expect((await read(journal, runs[23]?.state.runId ?? "")).state.steps["charge"]?.do.output).toBe(output);
  });

  it("keeps what it writes on a server that does not commit by itself", async () => {
    const url = await newDatabase(server);
    await server.asRoot("SET GLOBAL autocommit = 0");
    try {
      await using journal = await openMysqlJournal(url, MYSQL_OPTIONS);
      const run = await made(journal, { lease: LONG });
      await journal.release(
        [run.state].map(({ runId }) => ({ runId, epoch: 1, seq: 1 })),
        null,
      );
      await using other = await openMysqlJournal(url, MYSQL_OPTIONS);
      expect(await other.run(run.state.runId)).toMatchObject({ owner: null });
    } finally {
      await server.asRoot("SET GLOBAL autocommit = 1");
    }
  });

  it("is refused with the reason", async () => {
    const url = await newDatabase(server, { migrated: false });
    const open = (where: string) => openMysqlJournal(where, MYSQL_OPTIONS);
    await expect(open(url)).rejects.toMatchObject({ code: "JOURNAL_NOT_MIGRATED" });
    await expect(open(`${url}_not`)).rejects.toMatchObject({ code: "JOURNAL_NOT_MIGRATED" });
    const wrong = open(url.replace("dcs@", "dcs:geheim@"));
    await expect(wrong).rejects.toMatchObject({ code: "JOURNAL_AUTH" });
    await expect(wrong).rejects.not.toThrow("geheim");
    await expect(open("mysql://dcs@127.0.0.1:1/dcs")).rejects.toMatchObject({ code: "JOURNAL_UNREACHABLE" });
    await migrateMysqlJournal(url, MYSQL_OPTIONS);
    await server.run(`UPDATE ${nameOf(url)}.saga_meta SET version = 99`);
    await expect(open(url)).rejects.toMatchObject({ code: "JOURNAL_NEWER" });
    await expect(migrateMysqlJournal(url, MYSQL_OPTIONS)).rejects.toMatchObject({ code: "JOURNAL_NEWER" });
  });

  it("is made once by two migrations at once, and by one after an interrupted one", async () => {
    const url = await newDatabase(server, { migrated: false });
    const planned = await migrateMysqlJournal(url, { ...MYSQL_OPTIONS, dryRun: true });
    expect(await server.run(`SHOW TABLES IN ${nameOf(url)}`)).toBe("");
    await server.run(`USE ${nameOf(url)}; ${planned.statements[2]}`);
    const both = await Promise.all([1, 2].map(() => migrateMysqlJournal(url, MYSQL_OPTIONS)));
    expect(new Set(both.map(({ from }) => from))).toEqual(new Set([0, 1]));
    await using journal = await openMysqlJournal(url, MYSQL_OPTIONS);
    expect(await journal.counts()).toEqual({});
  });
});

describe("a user who may not", () => {
  it("migrate, read or write is told which privilege is missing", async () => {
    const url = await newDatabase(server, { migrated: false });
    const name = nameOf(url);
    const user = `u_${name}`;
    const theirs = url.replace("dcs@", `${user}:geheim@`);
    await server.asRoot(`CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY 'geheim'`);
    const refused = { code: "JOURNAL_AUTH" };
    const stranger = migrateMysqlJournal(theirs, MYSQL_OPTIONS);
    await expect(stranger).rejects.toMatchObject(refused);
    await server.asRoot(`GRANT SELECT ON ${name}.* TO ${user}@'127.0.0.1'`);
    const maker = migrateMysqlJournal(theirs, MYSQL_OPTIONS);
    await expect(maker).rejects.toMatchObject({
      ...refused,
      hint: expect.stringContaining("GRANT CREATE ON"),
    });
    await migrateMysqlJournal(url, MYSQL_OPTIONS);
    await using reader = await openMysqlJournal(theirs, MYSQL_OPTIONS);
    const writer = reader.create(newRun());
    await expect(writer).rejects.toMatchObject({
      ...refused,
      hint: expect.stringContaining("GRANT INSERT ON"),
    });
    for (const each of [stranger, maker, writer]) await expect(each).rejects.not.toThrow("geheim");
    expect(reader.url).not.toContain("geheim");
  });

  it("write because the server is read-only is told so, and goes on when it is not", async () => {
    await using journal = await openMysqlJournal(await newDatabase(server), MYSQL_OPTIONS);
    const run = await made(journal, { lease: LONG });
    await server.asRoot("SET GLOBAL read_only = 1");
    try {
      const refused = journal.commit([change(run)], LONG);
      await expect(refused).rejects.toThrow("read-only");
      await expect(refused).rejects.toMatchObject({ code: "JOURNAL_UNREACHABLE" });
    } finally {
      await server.asRoot("SET GLOBAL read_only = 0");
    }
    expect((await journal.commit([change(run)], LONG)).results).toEqual(["held"]);
  });
});

async function counted(name: string): Promise<number> {
  return Number((await server.run(`SHOW GLOBAL STATUS LIKE '${name}'`)).split("\t")[1]);
}

describe("the holder of a run", () => {
  it("goes on with the same journal after the server was killed", async () => {
    await using own = await startMariaDb();
    const url = await newDatabase(own);
    await using journal = await openMysqlJournal(url, { ...MYSQL_OPTIONS, timeoutMs: 3000 });
    const run = await made(journal, { lease: LONG });
    await own.kill();
    await expect(journal.commit([change(run)], LONG)).rejects.toMatchObject({ code: "JOURNAL_UNREACHABLE" });
    await own.start();
    expect((await journal.commit([change(run)], LONG)).results).toEqual(["held"]);
    expect((await journal.heartbeat([{ ...held(run), seq: 2 }], LONG)).results).toEqual(["held"]);
  });
});
