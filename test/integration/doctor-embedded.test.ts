import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Check } from "../../src/core/doctor/check.ts";
import { runDcs } from "../support/cli.ts";
import { check, doctor, failed } from "../support/doctor.ts";
import { parkedRun } from "../support/parked-run.ts";
import { sandboxPerTest } from "../support/sandbox-per-test.ts";
import { until } from "../support/until.ts";

describe("the embedded store", () => {
  const box = sandboxPerTest();

  it("that is not there yet is no fault, and is not made", async () => {
    const report = await doctor({}, join(box.dir, "state"));
    expect(failed(report)).toEqual([]);
    expect(report.backends).toEqual([
      { backend: "embedded", url: "embedded:", usedFor: ["store", "locks"] },
      { backend: "embedded", url: `embedded:${box.dir}/state/journal.db`, usedFor: ["journal"] },
    ]);
    expect(statSync(join(box.dir, "state"), { throwIfNoEntry: false })).toBeUndefined();
  });

  it("is looked through: modes, space, journal, integrity", async () => {
    const state = join(box.dir, "state");
    await runDcs(["lease", "ls"], { env: box.env });
    const good = await doctor({}, state);
    expect(good.checks.filter(({ status }) => status !== "ok")).toEqual([]);
    expect(good.locks).toMatchObject({ grade: "correctness", reasons: [] });
    const ofStore = good.checks.filter(({ url }) => url === "embedded:");
    expect(ofStore.map((one) => one.check).sort()).toEqual(
      [
        ...["clock", "directory", "file", "filesystem", "integrity", "journal-mode", "latency", "notices"],
        ...["reachable", "space", "stopped-processes", "version"],
      ].sort(),
    );

    chmodSync(join(state, "store.db"), 0o644);
    expect(check(await doctor({}, state), "file")).toMatchObject({
      status: "warn",
      fix: `chmod 600 ${state}/store.db`,
      data: { mode: "0644" },
    });
    chmodSync(state, 0o777);
    const open = await doctor({}, state);
    expect(check(open, "directory")).toMatchObject({ status: "warn", fix: `chmod 700 ${state}` });
    expect(open.locks.grade).toBe("efficiency only");
  });

  it("that is something else is a failed check with the error's code", async () => {
    writeFileSync(join(box.dir, "store.db"), "hello, this is not a database at all");
    const report = await doctor({}, box.dir);
    expect(check(report, "reachable")).toMatchObject({ status: "fail", data: { error: "STORE_CORRUPT" } });
    expect(report.locks.grade).toBe("unknown");
  });

  it("names stopped processes that have it open", async () => {
    await runDcs(["lease", "ls"], { env: box.env });
    const file = join(box.dir, "state", "store.db");
    const sleeper = spawn("sh", ["-c", 'exec 9<"$0"; kill -STOP $$', file], { stdio: "ignore" });
    try {
      const pid = sleeper.pid ?? 0;
      let found: Check | undefined;
      await until(async () => {
        found = check(await doctor({}, join(box.dir, "state")), "stopped-processes");
        return found?.status === "warn";
      });
      expect(found).toMatchObject({ fix: `kill -CONT ${pid}`, data: { pids: [pid] } });
    } finally {
      sleeper.kill("SIGKILL");
    }
  });

  it("has its journal beside it, with the runs that wait for a person", async () => {
    const url = `embedded:${box.dir}/journal.db`;
    await parkedRun(url);
    const report = await doctor({ journal: url }, join(box.dir, "state"));
    const own = report.checks.filter((one) => one.url === url);
    expect(own.map((one) => one.check).sort()).toEqual(
      [
        ...["clock", "directory", "durability", "file", "filesystem", "integrity", "journal-mode", "latency"],
        ...["reachable", "runs", "space", "stopped-processes", "tables", "version"],
      ].sort(),
    );
    expect(own.filter(({ status, check: name }) => status !== "ok" && name !== "directory")).toMatchObject([
      {
        check: "runs",
        status: "warn",
        fix: "dcs saga ls --status parked",
        data: { live: 0, parked: 1, ended: 0 },
      },
    ]);

    writeFileSync(join(box.dir, "journal.db"), "hello, this is not a database at all");
    const broken = await doctor({ journal: url }, join(box.dir, "state"));
    expect(broken.checks.find((one) => one.url === url)).toMatchObject({
      check: "reachable",
      status: "fail",
      data: { error: "JOURNAL_CORRUPT" },
    });
    expect(broken.locks.grade).toBe("correctness");
  });

  it("tells a directory that cannot be written, before anything is made there", async () => {
    const closed = join(box.dir, "closed");
    mkdirSync(closed, { mode: 0o500 });
    const report = await doctor({ store: `embedded:${closed}/store.db` }, box.dir);
    // Root may write anywhere.
    if (process.getuid?.() !== 0) expect(failed(report)).toEqual(["embedded directory"]);
    expect(check(report, "directory")?.data).toMatchObject({ path: closed });
  });
});
