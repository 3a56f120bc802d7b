import { appendFileSync, chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";
import { startPty } from "../support/pty.ts";
import { type Sandbox, sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

/** Each call writes a line to `log`; the file `fail-WORD` makes it end with the status in it, `hold-WORD` makes it wait. */
const PROGRAM = `#!/bin/sh
cat > /dev/null
echo "$*" >> log
while [ -e "hold-$1" ]; do sleep 0.02; done
if [ -e "fail-$1" ]; then echo "no $1" >&2; exit "$(cat "fail-$1")"; fi
echo "{\\"id\\": \\"$1-7\\"}"
`;

const SAGA = `
saga: order
input: { sku: string, amount: { type: number, default: 5 } }
steps:
  - name: create
    action: { exec: [./do.sh, create, "\${{ input.sku }}"] }
    compensate: { exec: [./do.sh, uncreate] }
  - name: charge
    action: { exec: [./do.sh, charge, "\${{ key }}"], fail: [3] }
    compensate: { exec: [./do.sh, refund, "\${{ actionKey }}"] }
    unknown: park
    timeout: 10s
  - name: ship
    pivot: true
    action: { exec: [./do.sh, ship], fail: [3] }
    retry: { attempts: 1 }
`;

let box: Sandbox;
beforeEach(() => {
  box = sandbox();
  writeFileSync(join(box.dir, "saga.yaml"), SAGA);
  writeFileSync(join(box.dir, "do.sh"), PROGRAM);
  chmodSync(join(box.dir, "do.sh"), 0o755);
});
afterEach(() => box[Symbol.dispose]());

const saga = (...args: readonly string[]) => runDcs(["saga", ...args], { env: box.env, cwd: box.dir });
const put = (name: string, text = "") => writeFileSync(join(box.dir, name), text);
const drop = (name: string) => rmSync(join(box.dir, name));
const log = () =>
  existsSync(join(box.dir, "log"))
    ? readFileSync(join(box.dir, "log"), "utf8").split("\n").filter(Boolean)
    : [];
const calls = (word: string) => log().filter((line) => line.split(" ")[0] === word);

interface Document {
  readonly data: Readonly<Record<string, unknown>> & { readonly run: string; readonly status: string };
}

/** Begins a run, sees it to its end, and gives its id. */
async function ran(code: number, sku = "book"): Promise<string> {
  const run = await saga("run", "saga.yaml", "--input", `sku=${sku}`, "--json");
  expect(run).toMatchObject({ code });
  return (run.json() as unknown as Document).data.run;
}

/** A run that is parked: nobody knows whether it was charged. */
async function parked(): Promise<string> {
  put("fail-charge", "9");
  const run = await ran(8);
  drop("fail-charge");
  return run;
}

describe("dcs saga", () => {
  it("lists what is not over, and all with --all", async () => {
    const stuck = await parked();
    const done = await ran(0);
    expect((await saga("ls")).stdout).toMatch(
      new RegExp(`${stuck} +parked +order +\\S+ +charge +.*no charge`),
    );
    expect((await saga("ls", "-o", "name")).stdout).toBe(`${stuck}\n`);
    expect((await saga("ls", "--all", "-o", "name")).stdout).toBe(`${done}\n${stuck}\n`);
    const json = (await saga("ls", "--status", "completed", "--json")).json();
    expect(json).toMatchObject({
      schema: "dcs.saga.ls/1",
      data: {
        runs: [{ run: done, status: "completed" }],
        counts: { completed: 1, parked: 1 },
        hasMore: false,
      },
    });
  });

  it("says why, what is not known, and goes on as a person says", async () => {
    const run = await parked();
    const why = await saga("why", run.slice(0, -2));
    expect(why.stdout).toContain("it is not known whether step charge took effect");
    expect(why.stdout).toContain(`dcs saga resolve ${run} charge --as done `);
    const [key] = calls("charge").map((line) => line.split(" ")[1]);
    expect((await saga("unknowns")).stdout).toContain(key);
    const verdict = [
      "resolve",
      run,
      "charge",
      "--as",
      "done",
      "--evidence",
      "ch_1",
      "--result",
      '{"id":"x"}',
    ];
    expect(await saga(...verdict, "--yes")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--reason"),
    });
    expect(await saga(...verdict, "--reason", "ticket 1")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--yes"),
    });
    expect(await saga(...verdict, "--reason", "ticket 1", "--yes")).toMatchObject({ code: 0 });
    expect(calls("charge")).toHaveLength(1);
    const shown = (await saga("show", run, "--json")).json();
    expect(shown).toMatchObject({
      data: {
        status: "completed",
        error: null,
        steps: [{ name: "create" }, { name: "charge", state: "done", output: { id: "x" } }, { name: "ship" }],
        audit: [{ verb: "saga.resolve", reason: "ticket 1", details: { evidence: "ch_1" } }],
      },
    });
    expect((await saga("unknowns", "--json")).json()).toMatchObject({ data: { calls: [] } });
  });

  it("charges twice and refunds once when a run that was undone is replayed by a plan", async () => {
    put("fail-ship", "3");
    const run = await ran(9);
    drop("fail-ship");
    const before = await saga("show", run, "--json");
    const dry = await saga("replay", run, "--from", "charge", "--dry-run", "--out", "plan.json");
    expect(dry).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/RE-EXECUTE +charge: it is to begin|RE-EXECUTE +charge: it was undone/),
    });
    expect((await saga("show", run, "--json")).stdout.replace(/"durationMs":\d+/g, "")).toBe(
      before.stdout.replace(/"durationMs":\d+/g, ""),
    );
    const plan = ["replay", "--plan", "plan.json", "--reason", "the van is back", "--json"];
    const replayed = await saga(...plan);
    expect(replayed).toMatchObject({ code: 0 });
    expect(replayed.json()).toMatchObject({ data: { parent: run, root: run, status: "completed" } });
    const keys = calls("charge").map((line) => line.split(" ")[1]);
    expect(new Set(keys).size).toBe(2);
    expect(calls("refund")).toEqual([`refund ${keys[0]}`]);
    // The world has moved: the same plan does nothing more.
    expect(await saga(...plan)).toMatchObject({ code: 3, stdout: expect.stringContaining("PLAN_STALE") });
    expect(calls("charge")).toHaveLength(2);
  });

  it("does not do again what stands, unless it is said that it counts no more", async () => {
    const run = await ran(0);
    expect(await saga("replay", run, "--reason", "x", "--yes")).toMatchObject({
      code: 3,
      stderr: /nothing to do/,
    });
    const again = ["replay", run, "--from", "ship", "--reason", "it was lost", "--yes"];
    expect(await saga(...again)).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("its effect stands"),
    });
    expect(calls("ship")).toHaveLength(1);
    expect(await saga(...again, "--new-key")).toMatchObject({ code: 0 });
    expect([calls("create"), calls("charge"), calls("ship")].map(({ length }) => length)).toEqual([1, 1, 2]);
  });

  it("replays a replay that is parked, which keeps what it took over", async () => {
    const run = await ran(0);
    put("fail-ship", "9");
    const stuck = await saga(
      "replay",
      run,
      "--from",
      "ship",
      "--new-key",
      "--reason",
      "lost",
      "--yes",
      "--json",
    );
    expect(stuck).toMatchObject({ code: 8 });
    const { data } = stuck.json() as unknown as Document;
    expect(data).toMatchObject({ parent: run, status: "parked" });
    drop("fail-ship");
    const dry = await saga("replay", data.run, "--dry-run");
    expect(dry.stdout).toMatch(/it goes on as itself.*REUSE +charge.*PROBE +ship/s);
    const done = await saga("replay", data.run, "--reason", "again", "--yes", "--json");
    expect(done).toMatchObject({ code: 0 });
    expect(done.json()).toMatchObject({ data: { run: data.run, status: "completed", error: null } });
    expect([calls("create"), calls("charge")].map(({ length }) => length)).toEqual([1, 1]);
    // What the first run did was taken over by the second: only that one can be undone, and it is past its pivot.
    const undo = await saga("compensate", run, "--reason", "x", "--yes");
    expect(undo).toMatchObject({ code: 3, stderr: expect.stringContaining(`run ${data.run} continues it`) });
  });

  it("goes on with a definition that was mended", async () => {
    put("fail-ship", "3");
    const run = await ran(9);
    put("mended.yaml", SAGA.replace("./do.sh, ship", "./do.sh, send"));
    const dry = await saga("replay", run, "--definition", "mended.yaml", "--dry-run", "--out", "plan.json");
    expect(dry.stdout).toMatch(/differs +ship changed: action.*RE-EXECUTE +ship/s);
    put("other.yaml", readFileSync(join(box.dir, "mended.yaml"), "utf8"));
    put("mended.yaml", SAGA);
    const plan = ["replay", "--plan", "plan.json", "--reason", "ship is send now"];
    expect(await saga(...plan)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("says something else"),
    });
    put("mended.yaml", readFileSync(join(box.dir, "other.yaml"), "utf8"));
    expect(await saga(...plan)).toMatchObject({ code: 0 });
    expect(calls("send")).toHaveLength(1);
  });

  it("cancels what another process executes, and both say so", async () => {
    put("hold-charge");
    const running = startDcs(box, ["saga", "run", "saga.yaml", "--input", "sku=book", "--lease", "2s"]);
    await until(() => calls("charge").length === 1);
    const [run = ""] = (await saga("ls", "-o", "name")).stdout.split("\n");
    const cancelled = saga("cancel", run, "--reason", "not wanted", "--yes");
    await until(async () => (await saga("why", run)).stdout.includes("because it was cancelled: not wanted"));
    drop("hold-charge");
    expect((await cancelled).code).toBe(9);
    expect((await running.done).code).toBe(9);
    expect(calls("refund")).toHaveLength(1);
    expect(await saga("resume", run, "--reason", "x")).toMatchObject({ code: 3 });
    expect(await saga("cancel", run, "--reason", "x", "--yes")).toMatchObject({ code: 3 });
  });

  it("resumes a run whose process was killed", async () => {
    put("hold-create");
    const running = startDcs(box, ["saga", "run", "saga.yaml", "--input", "sku=book", "--lease", "1s"]);
    await until(() => calls("create").length === 1);
    running.process.kill("SIGKILL");
    await running.done;
    drop("hold-create");
    const [run = ""] = (await saga("ls", "-o", "name")).stdout.split("\n");
    expect(await saga("resume", run, "--reason", "its process is gone")).toMatchObject({ code: 0 });
    expect(calls("ship")).toHaveLength(1);
  });

  it("undoes what is parked, and finds a run by the beginning of its id only", async () => {
    const run = await parked();
    const verdict = ["charge", "--as", "done", "--evidence", "ch_1"];
    put("fail-ship", "3");
    expect(await saga("resolve", run, ...verdict, "--reason", "x", "--yes")).toMatchObject({ code: 9 });
    expect(calls("refund")).toHaveLength(1);
    expect(await saga("why", "nosuch")).toMatchObject({ code: 6 });
    await ran(9);
    expect(await saga("show", run.slice(0, 2))).toMatchObject({ code: 2, stderr: /RUN_AMBIGUOUS/ });
  });

  it("follows a run until it ends: lines, objects, or a page on a terminal", async () => {
    put("hold-charge");
    const running = startDcs(box, ["saga", "run", "saga.yaml", "--input", "sku=book"]);
    await until(() => calls("charge").length === 1);
    const [run = ""] = (await saga("ls", "-o", "name")).stdout.split("\n");
    const objects = saga("show", run, "--watch", "--json");
    using page = startPty(box, ["saga", "show", run, "--watch"]);
    await page.shows(/charge +intent/);
    drop("hold-charge");
    await running.done;
    await page.shows(/status +completed/);
    expect(await page.done).toBe(0);
    const events = (await objects).stdout
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(events.at(0)).toMatchObject({ event: "started", run });
    expect(events.at(-1)).toMatchObject({ event: "standing", status: "completed" });
    expect((await saga("show", run, "--graph")).stdout).toMatch(
      /^flowchart LR\n {2}s0\["create<br\/>done"\]/,
    );
  });

  it("does nothing to a protected context without its name", async () => {
    const config = `contexts:\n  prod: { journal: "embedded:${join(box.dir, "p.db")}", protected: true }\n`;
    appendFileSync(join(box.dir, "dcs.yaml"), config);
    put("fail-charge", "9");
    const prod = (...args: readonly string[]) => saga(...args, "--context", "prod");
    const run = await prod("run", "saga.yaml", "--input", "sku=book", "--json");
    const { run: id } = (run.json() as unknown as Document).data;
    const undo = ["compensate", id, "--reason", "x"];
    expect(await prod(...undo, "--yes")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--confirm prod"),
    });
    expect(await prod(...undo, "--confirm", "prod", "--dry-run")).toMatchObject({ code: 0 });
    // It is not known whether it was charged: that is found out before anything is undone.
    expect(await prod(...undo, "--confirm", "prod")).toMatchObject({ code: 8 });
  });
});
