import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import { freePort } from "../support/free-port.ts";
import { type MariaDb, startMariaDb } from "../support/mariadb.ts";
import { type ShardBox, shardBox } from "../support/shard-box.ts";

let server: MariaDb;
let box: ShardBox;
beforeAll(async () => {
  server = await startMariaDb();
  box = await shardBox(server);
});
afterAll(async () => {
  await box?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const code = (stdout: string) => (JSON.parse(stdout) as { error: { code: string } }).error.code;

describe("shard plan", () => {
  it("shows the shares before and after, and what it takes", async () => {
    const { stdout, code: status } = await box.shard("plan");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^SHARD +BUCKETS +ROWS +SIZE +SHARE$/m);
    expect(stdout).toMatch(/^a +16 +→ 6 +200 +→ \d+ .* 100\.0% → 37\.5%$/m);
    expect(stdout).toMatch(/^moves +10 buckets, \d+ rows, about \d+/m);
    expect(stdout).toContain("assumed: nothing was moved here yet");
    expect(stdout).toMatch(/^next +dcs shard rebalance$/m);
  });

  it("has the fewest moves, all of them from the shard with too much", async () => {
    const data = await box.data("plan");
    const moves = data["moves"] as { src: string; dst: string; bucket: number }[];
    expect(moves).toHaveLength(10);
    expect(new Set(moves.map(({ bucket }) => bucket)).size).toBe(10);
    expect(new Set(moves.map(({ src }) => src))).toEqual(new Set(["a"]));
    expect(moves.filter(({ dst }) => dst === "b")).toHaveLength(5);
    expect(data).toMatchObject({
      keyspace: "lab",
      by: "count",
      isBalanced: false,
      estimate: { from: "assumed", pauseMs: 50 },
      before: [
        { shard: "a", buckets: 16, rows: 200 },
        { shard: "b", buckets: 0 },
        { shard: "c", buckets: 0 },
      ],
    });
  });

  it("plans by size, and no more moves than it may", async () => {
    const data = await box.data("plan", "--by", "bytes", "--max-moves", "3");
    expect(data).toMatchObject({ by: "bytes", isComplete: false });
    expect(data["moves"]).toHaveLength(3);
    expect((await box.shard("plan", "--by", "bytes", "--max-moves", "3")).stdout).toMatch(
      /^next +dcs shard rebalance --by bytes --max-moves 3$/m,
    );
  });

  it("writes a plan that rebalance takes, and refuses for another place or keyspace", async () => {
    const file = join(box.dir, "plan.json");
    const { stdout } = await box.shard("plan", "--out", file);
    expect(stdout).toContain(`dcs shard rebalance --plan ${file}`);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
      schema: "dcs.plan/1",
      data: {
        kind: "shard.rebalance",
        action: { keyspace: "lab" },
        precondition: { map: expect.any(Number) },
      },
    });
    const other = await box.shard("rebalance", "--plan", file, "--store", `embedded:${box.dir}/other.db`);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining("the plan is for backend") });
    const named = await box.shard("rebalance", "--plan", file, "--keyspace", "none");
    expect(named).toMatchObject({ code: 2, stderr: expect.stringContaining("the plan is for keyspace lab") });
  });
});

describe("shard rebalance, before anything is moved", () => {
  it("shows the plan with --dry-run, as one document with --json", async () => {
    const { stdout } = await box.shard("rebalance", "--dry-run");
    expect(stdout).toMatch(/^plan +move 10 buckets of keyspace lab/);
    expect(stdout).toContain("nothing was changed");
    expect(await box.data("rebalance", "--dry-run")).toMatchObject({ kind: "shard.rebalance" });
  });

  it("needs a yes where nobody can be asked, and the context's name where it is protected", async () => {
    const bare = await box.shard("rebalance");
    expect(bare).toMatchObject({ code: 2, stderr: expect.stringContaining("add --yes") });
    writeFileSync(
      join(box.dir, "dcs.yaml"),
      `contexts: { guarded: { store: "embedded:${box.dir}/state/store.db", protected: true } }\n`,
    );
    const guarded = await box.shard("rebalance", "--context", "guarded", "--yes");
    expect(guarded).toMatchObject({ code: 2, stderr: expect.stringContaining("add --confirm guarded") });
    const abort = await box.shard("abort", "--context", "guarded", "--yes");
    expect(abort).toMatchObject({ code: 0, stdout: "no move is under way that could be taken back\n" });
  });

  it.each([
    [["--by", "weight"], "USAGE"],
    [["--max-rate", "0"], "USAGE"],
    [["--max-pause", "0"], "USAGE"],
    [["--concurrency", "many"], "USAGE"],
    [["--plan", "/nowhere/plan.json"], "FILE_INVALID"],
  ])("refuses %j", async (args, wanted) => {
    const run = await box.shard("rebalance", ...args, "--json");
    expect(run.code).toBe(2);
    expect(code(run.stdout)).toBe(wanted);
  });

  it("refuses another verb's plan", async () => {
    const file = join(box.dir, "abort.json");
    const plan = { kind: "shard.abort", madeAt: new Date().toISOString(), context: null, backend: "x" };
    const data = { ...plan, what: "", steps: [], action: {}, precondition: {} };
    writeFileSync(file, JSON.stringify({ schema: "dcs.plan/1", ok: true, data }));
    const run = await box.shard("rebalance", "--plan", file);
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("it is a plan of shard.abort") });
  });
});

describe("what is looked at", () => {
  it("says which keyspaces there are", async () => {
    for (const verb of ["plan", "status", "verify", "history", "resume", "abort", "rebalance"]) {
      const run = await box.shard(verb, "--keyspace", "none", "--json");
      expect([verb, run.code, code(run.stdout)]).toEqual([verb, 6, "SHARD_KEYSPACE_UNKNOWN"]);
      expect(run.stdout).toContain("lab");
    }
  });

  it("has nothing under way, and no past", async () => {
    expect((await box.shard("status")).stdout).toBe(
      "keyspace lab\nshards   a 16, b 0, c 0\nrouters  0\nmoves    none\n",
    );
    expect(await box.data("status")).toMatchObject({ keyspace: "lab", moves: [], routers: [] });
    expect((await box.shard("history")).stdout).toBe("nothing was moved yet: dcs shard plan\n");
    expect((await box.shard("resume")).stdout).toBe("no move is under way that could be taken up\n");
  });

  it.each(["resume", "abort", "undo"])(
    "%s refuses what is no bucket, and one that does not move",
    async (verb) => {
      const word = await box.shard(verb, "seven");
      expect(word).toMatchObject({ code: 2, stderr: expect.stringContaining('"seven" is not the number') });
      const still = await box.shard(verb, "7", "--json");
      expect([still.code, code(still.stdout)]).toEqual([6, "SHARD_MOVE_NOT_FOUND"]);
    },
  );
});

describe("shard verify", () => {
  it("finds everything in its place", async () => {
    const { code: status, stdout } = await box.shard("verify");
    expect(status).toBe(0);
    expect(stdout).toContain("keyspace lab is as it must be\n  a: 16 buckets, 200 rows");
  });

  it("finds rows that were planted on another shard, by their keys", async () => {
    const plant = "INSERT INTO notes VALUES (7, 1, 'x'), (7, 2, 'y')";
    await box.at("b", `SET @dcs_bucket = CRC32('7') MOD 16; ${plant};`);
    const run = await box.shard("verify", "--json");
    expect([run.code, code(run.stdout)]).toEqual([99, "SHARD_VERIFY_FAILED"]);
    const { data } = JSON.parse(run.stdout) as { data: { faults: unknown } };
    expect(data.faults).toMatchObject([
      { fault: "misplaced", shard: "b", table: "notes", rows: 2, keys: ["7,1", "7,2"] },
    ]);
    expect((await box.shard("verify")).stderr).toMatch(
      /bucket \d+ on b: 2 rows of table notes, .* a's \(7,1; 7,2\)/,
    );
    await box.at("b", "SET @dcs_bucket = CRC32('7') MOD 16; DELETE FROM notes;");
    expect((await box.shard("verify")).code).toBe(0);
  });

  it("finds a bucket that is closed, or open twice, and a trigger that is gone", async () => {
    await box.at("a", "UPDATE dcs_bucket SET state = 'sealed' WHERE bucket = 3;");
    await box.at("c", "UPDATE dcs_bucket SET state = 'owned' WHERE bucket = 4;");
    const { faults } = await box.data("verify");
    expect(faults).toMatchObject([
      { fault: "closed", shard: "a", bucket: 3 },
      { fault: "open twice", shard: "c", bucket: 4 },
    ]);
    await box.at("a", "UPDATE dcs_bucket SET state = 'owned' WHERE bucket = 3;");
    await box.at("c", "UPDATE dcs_bucket SET state = 'gone' WHERE bucket = 4; DROP TRIGGER dcs_bd_notes;");
    const gone = await box.shard("verify");
    expect(gone).toMatchObject({ code: 99, stderr: expect.stringContaining("dcs_bd_notes") });
  });

  it("names the shard that does not answer", async () => {
    const env = { ...box.env, LAB_PORT: String(await freePort()) };
    for (const verb of ["verify", "plan"]) {
      const run = await runDcs(["shard", verb, "--json"], { env, cwd: box.dir });
      expect([verb, run.code, code(run.stdout)]).toEqual([verb, 5, "SHARD_UNREACHABLE"]);
      expect(run.stdout).toMatch(/shard [abc] \(mysql:/);
    }
    const { LAB_PORT: _, ...bare } = box.env;
    const unset = await runDcs(["shard", "plan"], { env: bare, cwd: box.dir });
    expect(unset).toMatchObject({ code: 2, stderr: expect.stringContaining("LAB_PORT is not set") });
  });
});
