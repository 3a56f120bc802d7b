import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { runProcess } from "../support/cli.ts";
import { sandbox } from "../support/start-dcs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

const FILES = {
  "steps.mjs": `
export function reserve({ with: { seat }, key }) {
  if (seat > 100) throw Object.assign(new Error("there is no seat " + seat), { definite: true });
  return { seat, key };
}
`,
  "seat.yaml": `
saga: seat
input: { seat: number }
steps:
  - name: reserve
    action: { module: ./steps.mjs, export: reserve, with: { seat: "\${{ input.seat }}" } }
`,
};

/** What docs/sagas.md shows, in a program of its own. */
function program(): string {
  const page = readFileSync(join(root, "docs/sagas.md"), "utf8");
  const shown = /## In the library\n[\s\S]*?```ts\n([\s\S]*?)```/.exec(page)?.[1];
  if (shown === undefined) throw new Error("docs/sagas.md shows no program under In the library");
  return `${shown}
const begun = await sagas.start(definition, { input: prepareInput(definition.definition, { seat: 101 }, process.env), businessKey: "late" });
const ended = [];
const worker = await sagas.worker({ concurrency: 4, pollMs: 50, untilIdle: true, onEvent: ({ type }) => ended.push(type) });
await worker.work(new AbortController().signal);
const late = await sagas.follow(begun.runId, { executes: false });
console.log(JSON.stringify({ view, ended, late: why(late.record, definition.definition, await journal.now()) }));
await caller[Symbol.asyncDispose]();
await journal[Symbol.asyncDispose]();
`;
}

it("runs, works off and explains sagas with what the package exports", async () => {
  using box = sandbox();
  mkdirSync(join(box.dir, "node_modules"));
  symlinkSync(root, join(box.dir, "node_modules/dcs"));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(box.dir, name), text);
  writeFileSync(join(box.dir, "program.mjs"), program());
  const run = await runProcess([process.execPath, "program.mjs"], { cwd: box.dir, env: box.env });
  expect(run.stderr).toBe("");
  expect(JSON.parse(run.stdout)).toMatchObject({
    view: {
      saga: "seat",
      status: "completed",
      businessKey: "seat-17",
      steps: [{ name: "reserve", state: "done", output: { seat: 17 }, attempts: 1 }],
    },
    ended: ["claimed", "ended"],
    late: { status: "compensated", because: expect.stringContaining("there is no seat 101") },
  });
});
