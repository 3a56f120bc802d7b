import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { groupAlive } from "../../../src/core/process/process-group.ts";
import type { ActionCaller } from "../../../src/core/saga/call/action-caller.ts";
import type { Outcome } from "../../../src/core/saga/engine/event.ts";
import { type CallWish, caller, prepared, sagaOf, send } from "../../support/saga-call.ts";
import { until } from "../../support/until.ts";

const SEALING = "ab".repeat(32);

let dir: string;
let calls: ActionCaller;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "dcs-exec-"));
  calls = caller({ env: { ...process.env, DCS_SAGA_KEY: SEALING, PLAIN: "here" } });
});
afterEach(async () => {
  await calls[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

function script(text: string, name = "step.sh"): void {
  writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(dir, name), 0o755);
}

async function run(text: string, wish: CallWish = {}, timeoutMs = 10_000): Promise<Outcome> {
  script(text);
  const call = await prepared(calls, sagaOf({ exec: ["./step.sh"], fail: [3] }), { directory: dir, ...wish });
  return send(call, timeoutMs);
}

it.each<[what: string, text: string, outcome: Partial<Outcome>]>([
  ["JSON", "echo '{\"id\": 7}'", { kind: "done", output: { id: 7 } }],
  ["text", "echo label 7", { kind: "done", output: "label 7" }],
  ["nothing", "exit 0", { kind: "done", output: null }],
  [
    "a status of fail:",
    "echo no stock >&2; exit 3",
    { kind: "failed", message: "./step.sh exited with 3: no stock" },
  ],
  ["another status", "echo oh >&2; exit 4", { kind: "unknown", message: "./step.sh exited with 4: oh" }],
  ["a signal", "kill -9 $$", { kind: "unknown", message: "./step.sh was ended by SIGKILL" }],
  [
    "more than 1 MiB",
    "head -c 1100000 /dev/zero",
    { kind: "unknown", message: expect.stringContaining("over 1 MiB") },
  ],
  ["much on stderr", "head -c 3000000 /dev/zero >&2", { kind: "done", output: null }],
])("a program that says %s", async (_what, text, outcome) => {
  expect(await run(text)).toMatchObject(outcome);
});

it.each<[what: string, argv: readonly string[]]>([
  ["is not there", ["./none.sh"]],
  ["is not on PATH", ["no-such-program-of-dcs"]],
  ["may not be executed", ["./plain.txt"]],
  ["is a directory", ["/tmp"]],
])("a program that %s was not sent", async (_what, argv) => {
  writeFileSync(join(dir, "plain.txt"), "x");
  const call = await prepared(calls, sagaOf({ exec: argv }), { directory: dir });
  expect(await send(call)).toMatchObject({ kind: "not-sent" });
  // Of a probe it is no answer at all.
  const probe = await prepared(calls, sagaOf({ exec: argv }), { directory: dir, asks: "probe" });
  expect(await send(probe)).toMatchObject({ kind: "unknown" });
});

it("gives the program its arguments, JSON on stdin, and no key of the journal", async () => {
  script("cat > in.json; env > env.txt; printf '%s' \"$1\"; exit 0", "look.sh");
  const yaml = JSON.stringify({
    saga: "s",
    steps: [
      { name: "before", action: { exec: ["true"] } },
      { name: "beside", needs: [], action: { exec: ["true"] } },
      { name: "a", needs: ["before"], action: { exec: ["./look.sh", "${{ input.sku }}; exit 9"] } },
    ],
  });
  const wish = { directory: dir, input: { sku: "$(id) 'x'" }, outputs: { before: { id: 1 }, beside: 2 } };
  const call = await prepared(calls, yaml, { ...wish, attempt: 2 });
  expect(await send(call)).toEqual({ kind: "done", output: "$(id) 'x'; exit 9" });
  expect(JSON.parse(readFileSync(join(dir, "in.json"), "utf8"))).toEqual({
    run: "run-1",
    root: "run-1",
    saga: "s",
    step: "a",
    direction: "do",
    asks: "effect",
    key: call.identity.key,
    actionKey: null,
    attempt: 2,
    input: { sku: "$(id) 'x'" },
    // Nothing of a step that need not be done by then.
    steps: { before: { output: { id: 1 } } },
  });
  const env = readFileSync(join(dir, "env.txt"), "utf8").split("\n");
  expect(env).toContain("PLAIN=here");
  expect(env).toContain("DCS_SAGA_RUN=run-1");
  expect(env).toContain("DCS_SAGA_STEP=a");
  expect(env).toContain(`DCS_SAGA_KEY_ID=${call.identity.key}`);
  expect(env.join("\n")).not.toContain(SEALING);
  expect(env.some((line) => line.startsWith("DCS_SAGA_KEY="))).toBe(false);
});

it("a program that does not read its stdin loses nothing", async () => {
  expect(await run("exec <&-; echo 1", { input: { big: "x".repeat(200_000) } })).toEqual({
    kind: "done",
    output: 1,
  });
});

it("ends the whole group at the deadline, deaf as it may be: unknown", async () => {
  const text = 'trap "" TERM; echo $$ > pid; sleep 60 & wait; sleep 60';
  const begun = performance.now();
  const outcome = await run(text, {}, 800);
  expect(outcome).toMatchObject({
    kind: "unknown",
    message: expect.stringContaining("did not end within 800ms"),
  });
  expect(performance.now() - begun).toBeLessThan(5000);
  const group = Number(readFileSync(join(dir, "pid"), "utf8"));
  expect(groupAlive(group)).toBe(false);
});

it("a program that hears SIGTERM and says that nothing took effect is believed", async () => {
  const text = "trap 'exit 3' TERM; sleep 60 & wait";
  expect(await run(text, {}, 1500)).toMatchObject({ kind: "failed" });
});

it("a signal ends it: unknown", async () => {
  script("echo $$ > pid; sleep 60");
  const stop = new AbortController();
  const call = await prepared(calls, sagaOf({ exec: ["./step.sh"] }), { directory: dir });
  const sent = send(call, 60_000, stop.signal);
  await until(() => existsSync(join(dir, "pid")) && readFileSync(join(dir, "pid"), "utf8").endsWith("\n"));
  stop.abort();
  expect(await sent).toMatchObject({ kind: "unknown", message: expect.stringContaining("was stopped") });
  expect(groupAlive(Number(readFileSync(join(dir, "pid"), "utf8")))).toBe(false);
});

it("what it leaves behind in its group is ended with it", async () => {
  expect(await run("echo $$ > pid; sleep 60 & echo 5")).toEqual({ kind: "done", output: 5 });
  expect(groupAlive(Number(readFileSync(join(dir, "pid"), "utf8")))).toBe(false);
});

it("of a probe: 0 is yes, a status of fail: no, all else nothing", async () => {
  expect(await run("echo 1", { asks: "probe" })).toEqual({ kind: "done", output: 1 });
  expect(await run("exit 3", { asks: "probe" })).toMatchObject({ kind: "failed" });
  expect(await run("exit 1", { asks: "probe" })).toMatchObject({ kind: "unknown" });
});
