import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStore } from "../../src/core/store/open-store.ts";
import type { Store } from "../../src/core/store/store.ts";
import { newLeaseId } from "../../src/core/util/ids.ts";
import { expectWithin } from "../support/expect-within.ts";
import { until } from "../support/until.ts";

const WRITER = fileURLToPath(new URL("fixtures/store-writer.ts", import.meta.url));
const BUSY_WRITER = fileURLToPath(new URL("fixtures/busy-writer.ts", import.meta.url));
const HOLDER = { host: "elsewhere", pid: 1, command: "test" };

describe("the embedded store under faults", () => {
  let dir: string;
  let file: string;
  const stores: Store[] = [];
  const children: ChildProcess[] = [];

  const open = async () => {
    const store = await openStore(`embedded:${file}`, { timeoutMs: 5000, stateDir: dir });
    stores.push(store);
    return store;
  };

  /** Starts the fixture and resolves with its first line. */
  const fixture = (...args: string[]) => program(WRITER, `embedded:${file}`, ...args);

  const program = async (...args: string[]) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      out += chunk;
    });
    await until(() => out.includes("\n"), 30_000);
    return { child, line: out.trim() };
  };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "dcs-embedded-"));
    file = join(dir, "store.db");
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    for (const store of stores.splice(0)) await store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it("frees the lease of a killed process at once, for readers and for watchers", async () => {
    const store = await open();
    const held = await fixture("hold", "60000");
    const { revision } = await store.list("held/");
    const stop = new AbortController();
    const deleted: string[] = [];
    const watching = (async () => {
      for await (const batch of store.watch("held/", revision + 1, stop.signal)) {
        for (const event of batch.events) if (event.type === "delete") deleted.push(event.key);
      }
    })();
    held.child.kill("SIGKILL");
    const killed = performance.now();
    await until(() => deleted.includes(`held/${held.line}`));
    expectWithin(performance.now() - killed, 1000);
    stop.abort();
    await watching;
    const again = await fixture("hold", "60000");
    again.child.kill("SIGKILL");
    await until(async () => (await (await open()).lease(again.line)) === null);
  });

  it("keeps the lease of a killed process while the group of its command lives", async () => {
    const command = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
    children.push(command);
    const held = await fixture("hold", "60000", String(command.pid));
    held.child.kill("SIGKILL");
    await until(() => held.child.signalCode === "SIGKILL");
    expect(await (await open()).lease(held.line)).not.toBeNull();
    command.kill("SIGKILL");
    await until(async () => (await (await open()).lease(held.line)) === null);
  });

  it("keeps a detached lease when its holder is gone", async () => {
    const store = await open();
    const held = await fixture("hold", "60000");
    const info = await store.lease(held.line);
    if (info?.holder === null || info?.holder === undefined) throw new Error("no holder");
    const id = newLeaseId();
    await store.grant({ id, ttlMs: 60_000, holder: info.holder, detached: true });
    held.child.kill("SIGKILL");
    await until(async () => (await (await open()).lease(held.line)) === null);
    expect(await store.lease(id)).toMatchObject({ id, detached: true });
  });

  it("after a reboot: kept leases are over, detached ones go on by the wall clock", async () => {
    const store = await open();
    const [kept, detached, late] = [newLeaseId(), newLeaseId(), newLeaseId()];
    const key = (id: string) => ({ put: `k/${id}`, value: "", lease: id });
    await store.txn({ ops: [key(kept)], grant: { id: kept, ttlMs: 60_000, holder: HOLDER } });
    await store.txn({
      ops: [key(detached)],
      grant: { id: detached, ttlMs: 60_000, holder: HOLDER, detached: true },
    });
    await store.txn({ ops: [key(late)], grant: { id: late, ttlMs: 60_000, holder: HOLDER, detached: true } });
    await store.close();
    const db = new DatabaseSync(file);
    db.exec("UPDATE meta SET boot = 'another boot'");
    // As if the machine had been up for a year before, and off for half a minute.
    db.exec("UPDATE lease SET deadline_ms = deadline_ms + 3e10, wall_deadline_ms = wall_deadline_ms - 30000");
    db.prepare("UPDATE lease SET wall_deadline_ms = 1 WHERE id = ?").run(late);
    db.close();
    const rebooted = await open();
    expect((await rebooted.list("k/")).kvs.map((kv) => kv.lease)).toEqual([detached]);
    const info = await rebooted.lease(detached);
    expect(info?.remainingMs).toBeGreaterThan(20_000);
    expect(info?.remainingMs).toBeLessThanOrEqual(30_000);
  });

  it("never gives a revision twice, even when the last commits are lost", async () => {
    const store = await open();
    const { revision } = await store.txn({ ops: [{ put: "a", value: "1" }] });
    await store.close();
    const db = new DatabaseSync(file);
    // What a power loss leaves behind: an earlier state of the file.
    db.exec(`UPDATE meta SET revision = ${revision - 5_000_000}`);
    db.close();
    const after = await (await open()).txn({ ops: [{ put: "a", value: "2" }] });
    expect(after.revision).toBeGreaterThan(revision);
  });

  it("resyncs a watcher that slept longer than deletions are remembered", async () => {
    const store = await open();
    const { revision } = await store.txn({ ops: [{ put: "w/gone", value: "" }] });
    await store.txn({ ops: [{ put: "w/stays", value: "" }] });
    await store.txn({ ops: [{ delete: "w/gone" }] });
    const db = new DatabaseSync(file, { timeout: 5000 });
    db.exec("DELETE FROM tombstone; UPDATE meta SET compacted = revision");
    db.close();
    for await (const batch of store.watch("w/", revision + 1, new AbortController().signal)) {
      expect(batch.resync).toBe(true);
      expect(batch.events.map((event) => (event.type === "put" ? event.kv.key : event))).toEqual(["w/stays"]);
      break;
    }
  });

  it.each([["deleted"], ["replaced"]])(
    "opens the file anew when it was %s under it, and tells watchers",
    async (what) => {
      const store = await open();
      const id = newLeaseId();
      const { revision } = await store.txn({
        ops: [{ put: "w/k", value: "", lease: id }],
        grant: { id, ttlMs: 60_000, holder: HOLDER },
      });
      const stop = new AbortController();
      const resyncs: number[] = [];
      const seen: string[] = [];
      const watching = (async () => {
        for await (const batch of store.watch("w/", revision + 1, stop.signal)) {
          if (batch.resync) resyncs.push(batch.events.length);
          for (const event of batch.events) if (event.type === "put") seen.push(event.kv.key);
        }
      })();
      for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
      if (what === "replaced") {
        const other = await openStore(`embedded:${file}`, { timeoutMs: 5000, stateDir: dir });
        await other.txn({ ops: [{ put: "w/new", value: "" }] });
        await other.close();
      }
      await until(() => resyncs.length === 1);
      expect(resyncs).toEqual([what === "replaced" ? 1 : 0]);
      await expect(store.keepAlive(id)).rejects.toMatchObject({ code: "LEASE_NOT_FOUND" });
      const another = await open();
      await another.txn({ ops: [{ put: "w/after", value: "" }] });
      await until(() => seen.includes("w/after"));
      stop.abort();
      await watching;
    },
  );

  it("forgets old deletions, so that the file does not grow for ever", async () => {
    const store = await open();
    const churn = async (rounds: number) => {
      for (let i = 0; i < rounds; i++) {
        await store.txn({ ops: [{ put: `c/${i}`, value: "" }] });
        await store.txn({ ops: [{ delete: `c/${i}` }] });
      }
    };
    await churn(50);
    const db = new DatabaseSync(file, { timeout: 5000 });
    // As if the fifty had been deleted a minute ago.
    db.exec("UPDATE tombstone SET revision = revision - 60000000");
    await churn(30);
    const left = db.prepare("SELECT count(*) AS n FROM tombstone").get()?.["n"];
    const compacted = Number(db.prepare("SELECT compacted FROM meta").get()?.["compacted"]);
    db.close();
    expect(left).toBe(30);
    expect(compacted).toBeGreaterThan(0);
  });

  it("lets no writer starve among eight that write flat out", async () => {
    const writers = await Promise.all(Array.from({ length: 8 }, () => fixture("write", "2")));
    const commits = writers.map((writer) => Number(writer.line));
    // Without tickets it is some in every run that commit nothing; a busy machine makes some slow.
    expect(Math.min(...commits)).toBeGreaterThan(Math.max(...commits) / 100);
  });

  it("left to SQLite's own busy handler, some of eight writers get next to nothing", async () => {
    const writers = await Promise.all(
      Array.from({ length: 8 }, () => program(BUSY_WRITER, join(dir, "naive.db"), "2")),
    );
    const commits = writers.map((writer) => Number(writer.line));
    expect(Math.min(...commits)).toBeLessThan(Math.max(...commits) / 100);
  });

  it("is made once when twenty processes open it for the first time together", async () => {
    const writers = await Promise.all(Array.from({ length: 20 }, () => fixture("write", "0.01")));
    expect(writers.every((writer) => Number(writer.line) > 0)).toBe(true);
    expect((await (await open()).list("writer/")).kvs).toHaveLength(20);
  });

  it("fails only the job at fault when many are committed together", async () => {
    const store = await open();
    const jobs = Array.from({ length: 10 }, (_, i) =>
      store.txn({ ops: [{ put: `j/${i}`, value: "", ...(i === 5 ? { lease: "00000000000000ff" } : {}) }] }),
    );
    const results = await Promise.allSettled(jobs);
    expect(results.filter((result) => result.status === "rejected")).toHaveLength(1);
    expect((await store.list("j/")).kvs).toHaveLength(9);
  });

  it("says STORE_BUSY within the timeout when another process holds the write lock, then works again", async () => {
    const store = await openStore(`embedded:${file}`, { timeoutMs: 1000, stateDir: dir });
    stores.push(store);
    const rival = new DatabaseSync(file, { timeout: 5000 });
    rival.exec("BEGIN IMMEDIATE");
    const start = performance.now();
    await expect(store.txn({ ops: [{ put: "a", value: "" }] })).rejects.toMatchObject({ code: "STORE_BUSY" });
    expectWithin(performance.now() - start, 2200);
    expect(await store.get("a")).toBeNull();
    rival.exec("ROLLBACK");
    rival.close();
    expect((await store.txn({ ops: [{ put: "a", value: "" }] })).succeeded).toBe(true);
  });

  it.each([
    [
      "garbage",
      () => writeFileSync(file, "this is not a database, it is only a text ".repeat(200)),
      "STORE_CORRUPT",
    ],
    ["a file of something else", () => exec("CREATE TABLE t (x); PRAGMA user_version = 1"), "STORE_CORRUPT"],
    ["a file of something else without a version", () => exec("CREATE TABLE t (x)"), "STORE_CORRUPT"],
    [
      "a newer format",
      () => exec("PRAGMA application_id = 1684239153; PRAGMA user_version = 99"),
      "STORE_NEWER",
    ],
    [
      "a directory",
      () => {
        file = dir;
      },
      "STORE_UNWRITABLE",
    ],
  ])("refuses %s by name", async (_what, make, code) => {
    make();
    await expect(open()).rejects.toMatchObject({ code, details: { path: file } });
  });

  it("sees damage inside the file, and says so", async () => {
    const store = await open();
    await store.txn({
      ops: Array.from({ length: 64 }, (_, i) => ({ put: `k/${i}`, value: "x".repeat(500) })),
    });
    await store.close();
    const { openSync, writeSync, closeSync } = await import("node:fs");
    const fd = openSync(file, "r+");
    for (let page = 1; page < 12; page++) writeSync(fd, Buffer.alloc(2000, 0xff), 0, 2000, page * 4096);
    closeSync(fd);
    await expect(
      (async () => {
        const damaged = await open();
        await damaged.list("k/");
      })(),
    ).rejects.toMatchObject({ code: "STORE_CORRUPT" });
  });

  function exec(sql: string): void {
    const db = new DatabaseSync(file);
    db.exec(sql);
    db.close();
  }
});
