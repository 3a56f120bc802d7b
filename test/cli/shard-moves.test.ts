import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MariaDb, startMariaDb } from "../support/mariadb.ts";
import { startPty } from "../support/pty.ts";
import { type ShardBox, shardBox } from "../support/shard-box.ts";
import { until } from "../support/until.ts";

let server: MariaDb;
let box: ShardBox;
beforeAll(async () => {
  server = await startMariaDb();
});
afterAll(async () => server?.[Symbol.asyncDispose]());
beforeEach(async () => {
  box = await shardBox(server);
});
afterEach(async () => box?.[Symbol.asyncDispose]());

interface Counts {
  readonly shard: string;
  readonly buckets: number;
}

async function counts(): Promise<readonly number[]> {
  const { shards } = (await box.data("status")) as { shards: readonly Counts[] };
  return shards.map(({ buckets }) => buckets);
}

const code = (stdout: string) => (JSON.parse(stdout) as { error: { code: string } }).error.code;
const rows = async (shard: string) => Number(await box.at(shard, "SELECT COUNT(*) FROM notes;"));

/** Begins one move that stays in its reverse window, and kills whoever makes it. */
async function leftInWindow(): Promise<{ readonly bucket: number; readonly tenants: readonly string[] }> {
  const dcs = box.start("rebalance", "--max-moves", "1", "--reverse-window", "1h", "--yes", "--json");
  await until(() => dcs.stdout().includes('"step":"window"'), 30_000);
  dcs.process.kill("SIGKILL");
  await dcs.done;
  const { moves } = (await box.data("status")) as { moves: readonly { bucket: number; src: string }[] };
  const bucket = moves[0]?.bucket ?? -1;
  const found = await box.at("a", `SELECT tenant FROM notes WHERE dcs_bucket = ${bucket} ORDER BY tenant;`);
  return { bucket, tenants: found.split("\n") };
}

describe("shard rebalance", () => {
  it("moves the fewest buckets that even a skewed keyspace out; again it says balanced", async () => {
    const file = join(box.dir, "sums.json");
    expect((await box.shard("verify", "--sums", file)).code).toBe(0);
    const events = await box.events("rebalance", "--yes");
    expect(events.filter(({ event }) => event === "opened")).toHaveLength(10);
    expect(events.at(-1)).toMatchObject({ event: "ended", keyspace: "lab", left: [] });
    const { results } = events.at(-1) as { results: readonly Record<string, unknown>[] };
    expect(results).toHaveLength(10);
    for (const result of results)
      expect(result).toMatchObject({ outcome: "moved", src: "a", differences: [] });
    expect(await counts()).toEqual([6, 5, 5]);
    const same = await box.shard("verify", "--against", file);
    expect(same).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("every bucket has the rows that it had"),
    });
    expect((await rows("a")) + (await rows("b")) + (await rows("c"))).toBe(200);
    expect((await box.shard("verify")).code).toBe(0);

    // A row that is lost and one that is changed, past everything that watches over them.
    const ids = (await box.at("b", "SELECT tenant, dcs_bucket FROM notes ORDER BY tenant LIMIT 2;")).split(
      "\n",
    );
    const [[gone, of], [changed, ofToo]] = ids.map((line) => line.split("\t")) as [string[], string[]];
    await box.at(
      "b",
      `SET @dcs_bucket = ${of}; DELETE FROM notes WHERE tenant = ${gone};
       SET @dcs_bucket = ${ofToo}; UPDATE notes SET note = 'spoilt' WHERE tenant = ${changed};`,
    );
    const spoilt = await box.shard("verify", "--against", file, "--json");
    expect([spoilt.code, code(spoilt.stdout)]).toEqual([99, "SHARD_VERIFY_FAILED"]);
    const found = (JSON.parse(spoilt.stdout) as { data: { changed: { bucket: number }[] } }).data.changed;
    expect(new Set(found.map(({ bucket }) => String(bucket)))).toEqual(new Set([of, ofToo]));
    expect(await box.shard("verify", "--against", join(box.dir, "dcs.yaml"))).toMatchObject({ code: 2 });

    const again = await box.shard("rebalance");
    expect(again).toMatchObject({ code: 0, stdout: "balanced\n" });
    expect(await box.events("rebalance", "--yes")).toMatchObject([{ event: "balanced", balanced: true }]);

    const { moves } = (await box.data("history")) as { moves: readonly Record<string, unknown>[] };
    expect(moves).toHaveLength(10);
    expect(moves[0]).toMatchObject({ outcome: "moved", src: "a", checksums: { notes: expect.any(String) } });
    expect((await box.shard("history", "-o", "wide")).stdout).toMatch(/PREDICTED.*CHECKSUMS/);
    expect((await box.data("plan"))["estimate"]).toMatchObject({ from: "history" });
  });

  it("does what a plan says, and refuses it once the map has changed", async () => {
    const file = join(box.dir, "plan.json");
    await box.shard("rebalance", "--max-moves", "2", "--dry-run", "--out", file);
    const { data } = JSON.parse(readFileSync(file, "utf8"));
    const done = await box.shard("rebalance", "--plan", file);
    expect(done).toMatchObject({ code: 0, stdout: expect.stringMatching(/moved 2 buckets, \d+ rows/) });
    const { moves } = (await box.data("history")) as { moves: readonly { bucket: number }[] };
    const buckets = (list: readonly { bucket: number }[]) =>
      list.map(({ bucket }) => bucket).toSorted((x, y) => x - y);
    expect(buckets(moves)).toEqual(buckets(data.action.moves));
    const stale = await box.shard("rebalance", "--plan", file, "--json");
    expect([stale.code, code(stale.stdout)]).toEqual([3, "PLAN_STALE"]);
  });

  it("shows a bar and the last pause on a terminal", async () => {
    using pty = startPty(box, ["shard", "rebalance", "--max-moves", "3"]);
    await pty.shows("Move 3 buckets of keyspace lab?");
    pty.type("y\r");
    await pty.shows(/░ \d+% +\d of 3 buckets/);
    await pty.shows(/last pause \d+ms, longest \d+ms/);
    await pty.shows(/█{30} 100% +3 of 3 buckets/);
    expect(await pty.done).toBe(0);
    expect(pty.text()).toMatch(/moved 3 buckets, \d+ rows/);
  });

  it("killed on the way it loses nothing: status shows it, resume ends it", async () => {
    const dcs = box.start("rebalance", "--yes", "--max-rate", "20", "--json");
    await until(() => dcs.stdout().includes('"step":"copy"'), 30_000);
    dcs.process.kill("SIGKILL");
    await dcs.done;
    // Its lease ends with it on this store.
    const status = await box.shard("status");
    expect(status.stdout).toMatch(/^moves +\d+, \d+ in nobody's hands$/m);
    expect(status.stdout).toMatch(/^next +dcs shard resume$/m);
    expect((await box.shard("verify")).code).toBe(0);
    const resumed = await box.shard("resume");
    expect(resumed).toMatchObject({ code: 0, stdout: expect.stringMatching(/moved \d+ buckets?/) });
    expect((await box.shard("rebalance", "--yes")).code).toBe(0);
    expect(await counts()).toEqual([6, 5, 5]);
    expect((await box.shard("verify")).code).toBe(0);
  });

  it("stopped by Ctrl-C it ends at a safe point, exit 130; abort takes it back, exit 9", async () => {
    const dcs = box.start("rebalance", "--yes", "--max-rate", "20", "--json");
    await until(() => dcs.stdout().includes('"step":"copy"'), 30_000);
    dcs.process.kill("SIGINT");
    const { code: status, stdout } = await dcs.done;
    expect(status).toBe(130);
    const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    expect(last).toMatchObject({ event: "error", error: { code: "INTERRUPTED" } });
    expect(last.error.hint).toContain("dcs shard resume");

    const file = join(box.dir, "abort.json");
    const shown = await box.shard("abort", "--dry-run", "--out", file);
    expect(shown.stdout).toMatch(/bucket +\d+: stays on a; its copy on [bc] is deleted/);
    const done = await box.shard("abort", "--plan", file);
    expect(done).toMatchObject({ code: 9, stderr: expect.stringContaining("SHARD_ABORTED") });
    expect(await counts()).toEqual([16, 0, 0]);
    expect((await box.shard("verify")).code).toBe(0);
    const { moves } = (await box.data("history")) as { moves: readonly { outcome: string }[] };
    expect(new Set(moves.map(({ outcome }) => outcome))).toEqual(new Set(["aborted"]));
    const stale = await box.shard("abort", "--plan", file);
    expect(stale).toMatchObject({ code: 3, stderr: expect.stringContaining("PLAN_STALE") });
  });

  it("leaves another's moves alone, unless it is forced", async () => {
    const dcs = box.start("rebalance", "--yes", "--max-rate", "10", "--json");
    await until(() => dcs.stdout().includes('"step":"copy"'), 30_000);
    const second = await box.shard("rebalance", "--yes", "--json");
    expect([second.code, JSON.parse(second.stdout.trim().split("\n").at(-1) ?? "").error.code]).toEqual([
      3,
      "SHARD_BUSY",
    ]);
    const resumed = await box.shard("resume");
    expect(resumed).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`lives (${hostname()} pid ${dcs.pid})`),
    });
    const forced = await box.shard("abort", "--force", "--yes");
    expect(forced.code).toBe(9);
    dcs.process.kill("SIGINT");
    const { code: status } = await dcs.done;
    expect([7, 8, 9, 130]).toContain(status);
    await box.shard("resume");
    expect((await box.shard("verify")).code).toBe(0);
  });
});

describe("a reverse window", () => {
  it("verify finds a row that is missing, changed or too many on the other side; undo goes back", async () => {
    const { bucket, tenants } = await leftInWindow();
    expect(await counts()).toEqual([15, 1, 0]);
    const good = await box.shard("verify");
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining(`bucket ${bucket}: `) });
    const [gone = "", changed = ""] = tenants;
    await box.at(
      "a",
      `SET @dcs_bucket = ${bucket}; DELETE FROM notes WHERE tenant = ${gone};
       UPDATE notes SET note = 'other' WHERE tenant = ${changed}; INSERT INTO notes VALUES (${changed}, 999, 'new');`,
    );
    const bad = await box.shard("verify", "--json");
    expect([bad.code, code(bad.stdout)]).toEqual([99, "SHARD_VERIFY_FAILED"]);
    const { data } = JSON.parse(bad.stdout);
    expect(
      data.compared[0].differences.toSorted((x: { kind: string }, y: { kind: string }) =>
        x.kind.localeCompare(y.kind),
      ),
    ).toEqual([
      { kind: "changed", table: "notes", key: `${changed},${changed}` },
      { kind: "extra", table: "notes", key: `${changed},999` },
      { kind: "missing", table: "notes", key: `${gone},${gone}` },
    ]);
    // A write at the new owner goes the way back, too.
    await box.at("b", `UPDATE notes SET note = 'after' WHERE tenant = ${tenants[2]};`);
    const undone = await box.shard("undo", "--yes");
    expect(undone).toMatchObject({ code: 9, stderr: expect.stringContaining("1 bucket taken back") });
    expect(await counts()).toEqual([16, 0, 0]);
    expect(await box.at("a", `SELECT note FROM notes WHERE tenant = ${tenants[2]};`)).toBe("after");
    expect(await rows("a")).toBe(200);
    expect((await box.shard("verify")).code).toBe(0);
  });

  it("abort closes it: the bucket stays where it is", async () => {
    await leftInWindow();
    const shown = await box.shard("abort", "--dry-run");
    expect(shown.stdout).toMatch(/stays on b; the way back to a is closed/);
    expect((await box.shard("abort", "--yes")).code).toBe(0);
    expect(await counts()).toEqual([15, 1, 0]);
    expect((await box.shard("verify")).code).toBe(0);
  });
});
