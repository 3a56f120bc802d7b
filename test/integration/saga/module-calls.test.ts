import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Outcome } from "../../../src/core/saga/engine/event.ts";
import { type CallWish, caller, prepared, sagaOf, send } from "../../support/saga-call.ts";

const STEPS = `
export default (argument) => ({ ...argument, signal: argument.signal instanceof AbortSignal });
export const nothing = async () => {};
export const declined = () => { throw Object.assign(new Error("card declined"), { definite: true }); };
export const broken = async () => { throw new Error("connection lost"); };
export const text = () => { throw "just text"; };
export const deaf = () => new Promise(() => {});
export const listens = ({ signal }) => new Promise((resolve, reject) => {
  signal.addEventListener("abort", () => reject(Object.assign(new Error("heard it"), { definite: true })));
});
export const circle = () => { const o = {}; o.o = o; return o; };
export const code = () => () => 1;
export const big = () => "x".repeat(1024 * 1024);
export const found = () => ({ id: 3 });
export const leaks = ({ with: w }) => ({ saw: "token " + w.token });
export const value = 5;
`;

let dir: string;
const calls = caller();

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "dcs-module-"));
  writeFileSync(join(dir, "steps.mjs"), STEPS);
  writeFileSync(join(dir, "bad.mjs"), "export default () => {");
  writeFileSync(join(dir, "throws.mjs"), 'throw new Error("no database");');
  writeFileSync(join(dir, "hangs.mjs"), "await new Promise(() => {}); export default () => 1;");
});
afterAll(async () => {
  await calls[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function call(action: object, wish: CallWish = {}, timeoutMs = 5000): Promise<Outcome> {
  const yaml = sagaOf({ module: "./steps.mjs", ...action });
  return send(await prepared(calls, yaml, { directory: dir, ...wish }), timeoutMs);
}

it("gives the function what it needs, and takes what it returns", async () => {
  const outcome = await call(
    { with: { sku: "${{ input.sku }}", list: [1, "${{ input.n }}"] } },
    { input: { sku: "a", n: 2 }, attempt: 3 },
  );
  expect(outcome).toEqual({
    kind: "done",
    output: {
      with: { sku: "a", list: [1, 2] },
      run: "run-1",
      step: "a",
      direction: "do",
      key: expect.stringMatching(/^[0-9a-f]{32}$/),
      actionKey: null,
      attempt: 3,
      signal: true,
      timeoutMs: 5000,
    },
  });
});

it.each<[exported: string, outcome: Partial<Outcome>]>([
  ["nothing", { kind: "done", output: null }],
  ["declined", { kind: "failed", message: expect.stringContaining("card declined") }],
  ["broken", { kind: "unknown", message: expect.stringContaining("connection lost") }],
  ["text", { kind: "unknown", message: expect.stringContaining("just text") }],
  [
    "circle",
    { kind: "unknown", message: expect.stringContaining("is done, but what it returned is not JSON") },
  ],
  ["code", { kind: "unknown", message: expect.stringContaining("not JSON: function") }],
  ["big", { kind: "unknown", message: expect.stringContaining("over 1 MiB") }],
])("%s", async (exported, outcome) => {
  expect(await call({ export: exported })).toMatchObject(outcome);
});

it.each(["deaf", "listens"])("%s: unknown when the time is over", async (exported) => {
  expect(await call({ export: exported }, {}, 100)).toMatchObject({
    kind: "unknown",
    message: expect.stringContaining("did not end within 100ms"),
  });
});

it.each<[what: string, action: object, says: string]>([
  ["module that is not there", { module: "./none.mjs" }, "cannot be loaded: Cannot find module"],
  ["module with a fault", { module: "./bad.mjs" }, "bad.mjs cannot be loaded: "],
  ["module that throws", { module: "./throws.mjs" }, "throws.mjs cannot be loaded: no database"],
  ["export that is not there", { export: "none" }, "has no function none: it exports big, broken"],
  ["export that is no function", { export: "value" }, "has no function value"],
])("a %s: nothing was called; of a probe: unknown", async (_what, action, says) => {
  expect(await call(action)).toMatchObject({ kind: "not-sent", message: expect.stringContaining(says) });
  expect(await call(action, { asks: "probe" })).toMatchObject({ kind: "unknown" });
});

it("a module that does not finish loading: nothing was called", async () => {
  expect(await call({ module: "./hangs.mjs" }, {}, 100)).toMatchObject({ kind: "not-sent" });
});

it.each<[exported: string, outcome: Partial<Outcome>]>([
  ["found", { kind: "done", output: { id: 3 } }],
  ["nothing", { kind: "failed" }],
  ["declined", { kind: "unknown" }],
  ["broken", { kind: "unknown" }],
])("as a probe %s", async (exported, outcome) => {
  expect(await call({ export: exported }, { asks: "probe" })).toMatchObject(outcome);
});

it("keeps secrets out of the output", async () => {
  const env = { DCS_SECRET_TOKEN: "tok-12345" };
  const outcome = await call({ export: "leaks", with: { token: "${{ secrets.TOKEN }}" } }, { env });
  expect(outcome).toEqual({ kind: "done", output: { saw: "token [redacted]" } });
});
