import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Journal } from "../../../src/core/saga/journal/journal.ts";
import { openJournal } from "../../../src/core/saga/journal/open-journal.ts";
import { openSqliteJournal, SqliteJournal } from "../../../src/core/saga/journal/sqlite/sqlite-journal.ts";
import { openStore } from "../../../src/core/store/open-store.ts";
import { systemClock } from "../../../src/core/util/clock.ts";
import { callOf, change, LONG, made, newRun, read, stateOf, withCall } from "./journal-harness.ts";

const PAGE_BYTES = 4096;

describe("the journal's file", () => {
  let dir: string;
  let path: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "dcs-journal-"));
    path = join(dir, "journal.db");
  });

  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  function open(timeoutMs = 10_000): Promise<Journal> {
    return openSqliteJournal(path, { timeoutMs, clock: systemClock });
  }

  /** SQL by another process, so to speak. */
  function sql(text: string): unknown {
    const db = new DatabaseSync(path);
    try {
      return db.prepare(text).get();
    } finally {
      db.close();
    }
  }

  it("stands beside the store's, with a header of its own, and outlives whoever made it", async () => {
    const options = { timeoutMs: 1000, stateDir: dir };
    let runId = "";
    {
      await using journal = await openJournal("embedded:", options);
      await using store = await openStore("embedded:", options);
      runId = (await made(journal)).state.runId;
      expect(journal).toMatchObject({ engine: "sqlite", url: `embedded:${path}` });
      expect(store.url).toBe(`embedded:${dir}/store.db`);
    }
    await using again = await openJournal(`EMBEDDED://${path}`, options);
    expect(await again.run(runId)).toMatchObject({ state: { runId } });
    expect(sql("PRAGMA application_id")).toEqual({ application_id: 0x6463736a });
    expect(sql("PRAGMA journal_mode")).toEqual({ journal_mode: "wal" });
  });

  it.each(["embedded:journal.db", "embedded:/tmp/", "redis://localhost", "journal.db"])(
    "is not found by %s",
    async (url) => {
      const opened = openJournal(url, { timeoutMs: 1000, stateDir: dir });
      await expect(opened).rejects.toMatchObject({
        code: "URL_INVALID",
        message: expect.stringContaining("journal"),
      });
    },
  );

  it("is not a store, nor is a store a journal", async () => {
    await using store = await openStore(`embedded:${path}`, { timeoutMs: 1000, stateDir: dir });
    await store.txn({ ops: [{ put: "a", value: "1" }] });
    await expect(open()).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
    expect((await store.get("a"))?.value).toBe("1");
  });

  it("that is something else is left as it is", async () => {
    writeFileSync(path, "not a database, but somebody's notes ".repeat(300));
    await expect(open()).rejects.toMatchObject({
      code: "JOURNAL_CORRUPT",
      message: expect.stringContaining(path),
      hint: expect.stringContaining("--journal"),
    });
    rmSync(path);
    sql("CREATE TABLE theirs (a) ");
    await expect(open()).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
    expect(sql("SELECT count(*) AS n FROM sqlite_schema")).toEqual({ n: 1 });
  });

  it("of a newer dcs is refused", async () => {
    await (await open())[Symbol.asyncDispose]();
    sql("PRAGMA user_version = 2");
    await expect(open()).rejects.toMatchObject({
      code: "JOURNAL_NEWER",
      details: { format: 2, supported: 1 },
    });
  });

  it("in a place where none can be is said so", async () => {
    writeFileSync(join(dir, "file"), "");
    const opened = openJournal(`embedded:${dir}/file/journal.db`, { timeoutMs: 1000, stateDir: dir });
    await expect(opened).rejects.toMatchObject({ code: "JOURNAL_AUTH" });
  });

  it("that was replaced while it was open takes no commit", async () => {
    await using journal = await open();
    const run = await made(journal, { lease: LONG });
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`);
    await using other = await open();
    await expect(journal.commit([change(run)], LONG)).rejects.toMatchObject({ code: "JOURNAL_CORRUPT" });
    expect(await other.run(run.state.runId)).toBeNull();
  });

  it("whose write lock another process keeps is unreachable, and still to be read", async () => {
    await using journal = await open(100);
    const run = await made(journal, { lease: LONG });
    const rival = new DatabaseSync(path);
    rival.exec("BEGIN IMMEDIATE");
    await expect(journal.commit([change(run)], LONG)).rejects.toMatchObject({ code: "JOURNAL_UNREACHABLE" });
    expect(await read(journal, run.state.runId)).toEqual(run);
    rival.exec("ROLLBACK");
    rival.close();
    expect((await journal.commit([change(run)], LONG)).results).toEqual(["held"]);
  });

  it("that is full says so, loses nothing, and goes on when there is room", async () => {
    await using journal = await open();
    const [run, small] = [await made(journal, { lease: LONG }), await made(journal, { lease: LONG })];
    // The limit is one of a connection, not of the file.
    const db = new DatabaseSync(path);
    const { page_count: pages } = db.prepare("PRAGMA page_count").get() as { page_count: number };
    db.exec(`PRAGMA max_page_count = ${pages + 8}`);
    await using full = new SqliteJournal(db, path, { timeoutMs: 1000, clock: systemClock });
    const output = "x".repeat(40 * PAGE_BYTES);
    const state = withCall(run.state, "charge", "do", { status: "done", output });
    const large = change(run, { state, calls: [callOf(state, "charge", "do")] });
    const [refused, others] = await Promise.allSettled([
      full.commit([large], LONG),
      full.commit([change(small)], LONG),
    ]);
    expect(refused).toMatchObject({
      reason: { code: "JOURNAL_FULL", message: expect.stringContaining(path) },
    });
    expect(others).toMatchObject({ value: { results: ["held"] } });
    const another = newRun({ state: stateOf({ input: output }) });
    await expect(full.create(another)).rejects.toMatchObject({ code: "JOURNAL_FULL" });
    expect(await full.run(another.state.runId)).toBeNull();
    expect(await read(full, run.state.runId)).toEqual(run);
    expect(await journal.events(run.state.runId)).toHaveLength(1);
    db.exec(`PRAGMA max_page_count = ${pages + 1000}`);
    expect((await full.commit([large], LONG)).results).toEqual(["held"]);
    expect((await read(journal, run.state.runId)).state).toEqual(state);
  });
});
