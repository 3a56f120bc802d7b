import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseDefinition, readDefinition } from "../../../src/core/saga/definition/read-definition.ts";

/** A definition of the steps given, each on lines of its own below `steps:`. */
function saga(...steps: readonly string[]): string {
  return ["saga: s", "steps:", ...steps].join("\n");
}

const a = "  - { name: a, action: { http: POST http://x/a } }";
const b = "  - { name: b, action: { http: POST http://x/b } }";

it.each<[what: string, text: string, says: string | RegExp]>([
  ["no YAML", "saga: [", /^f\.yaml:1:\d+: /],
  ["nothing", "", "f.yaml:1:1: saga: is missing: a string"],
  [
    "an unknown key",
    `${saga(a)}\nstep: []`,
    "f.yaml:4:1: step: unknown key; allowed: saga, description, input, steps",
  ],
  [
    "an unknown key of a step",
    saga("  - { name: a, acton: {} }"),
    /f\.yaml:3:\d+: steps\.0\.acton: unknown key; allowed: name, needs, pivot, action/,
  ],
  [
    "a name that is not allowed",
    saga("  - { name: A b, action: { exec: [x] } }"),
    /f\.yaml:3:13: steps\.0\.name: must be lower-case/,
  ],
  [
    "a call of no kind",
    saga("  - { name: a, action: { htp: x } }"),
    "f.yaml:3:24: steps.0.action: must have one of http, exec, module",
  ],
  [
    "a call of two kinds",
    saga("  - { name: a, action: { http: GET http://x, exec: [x] } }"),
    /has http and exec: it can be one of them only/,
  ],
  [
    "a key of another kind",
    saga("  - { name: a, action: { exec: [x], body: 1 } }"),
    /steps\.0\.action\.body: unknown key; allowed: exec, fail$/,
  ],
  [
    "an address without a method",
    saga("  - { name: a, action: { http: http://x } }"),
    /must be a method and an address, such as POST/,
  ],
  [
    "an address of another kind",
    saga("  - { name: a, action: { http: GET ftp://x } }"),
    /"ftp:\/\/x" must begin with http:\/\/, https:\/\/ or service:\/\//,
  ],
  [
    "a duration without a unit",
    saga('  - { name: a, timeout: "5", action: { exec: [x] } }'),
    /steps\.0\.timeout: must be a duration such as 500ms/,
  ],
  [
    "a wrong number",
    saga("  - { name: a, retry: { attempts: 0 }, action: { exec: [x] } }"),
    /f\.yaml:3:\d+: steps\.0\.retry\.attempts: /,
  ],
  ["duplicate names", saga(a, a), 'f.yaml:4:13: steps.1.name: "a" is the name of the step on line 3 already'],
  [
    "an unknown step in needs",
    saga(a, "  - { name: b, needs: [a, c], action: { exec: [x] } }"),
    'f.yaml:4:27: steps.1.needs.1: there is no step "c"; there are a, b',
  ],
  [
    "a step that needs itself",
    saga("  - { name: a, needs: [a], action: { exec: [x] } }"),
    /these steps wait for each other: a needs a$/,
  ],
  [
    "a cycle",
    saga("  - { name: a, needs: [c], action: { exec: [x] } }", b, "  - { name: c, action: { exec: [x] } }"),
    /these steps wait for each other: a needs c needs b needs a$/,
  ],
  [
    "two pivots",
    saga(
      "  - { name: a, pivot: true, action: { exec: [x] } }",
      "  - { name: b, pivot: true, action: { exec: [x] } }",
    ),
    /"a" is the pivot already/,
  ],
  [
    "a step beside the pivot",
    saga(
      "  - { name: a, pivot: true, action: { exec: [x] } }",
      "  - { name: b, needs: [], action: { exec: [x] } }",
    ),
    /"b" is neither before nor after the pivot "a"/,
  ],
  [
    "a compensation after the pivot",
    saga(
      "  - { name: a, pivot: true, action: { exec: [x] } }",
      "  - { name: b, action: { exec: [x] }, compensate: { exec: [x] } }",
    ),
    /"b" comes after the pivot "a" and is never undone/,
  ],
  [
    "a probe that is missing",
    saga("  - { name: a, unknown: probe, action: { exec: [x] } }"),
    /probe needs a probe/,
  ],
  [
    "a bad expression",
    saga('  - { name: a, action: { exec: ["${{ input. }}"] } }'),
    /steps\.0\.action\.exec\.0: "\$\{\{ input\. \}\}": Unexpected/,
  ],
  [
    "an expression without an end",
    saga('  - { name: a, action: { exec: ["${{ input.x"] } }'),
    /without its \}\}/,
  ],
  [
    "a context that is not there",
    saga('  - { name: a, action: { exec: ["${{ env.HOME }}"] } }'),
    /Unrecognized named-value: 'env'/,
  ],
  [
    "the key of the action where there is none",
    saga('  - { name: a, action: { exec: ["${{ actionKey }}"] } }'),
    /Unrecognized named-value: 'actionKey'/,
  ],
  [
    "the output of no step",
    saga('  - { name: a, action: { exec: ["${{ steps.z.output }}"] } }'),
    /steps\.z: there is no such step; it may read: none$/,
  ],
  [
    "the output of a step after it",
    saga('  - { name: a, action: { exec: ["${{ steps.b.output.id }}"] } }', b),
    /steps\.b\.output may not exist: "b" need not be done by then/,
  ],
  [
    "its own output",
    saga('  - { name: a, action: { exec: ["${{ steps.a.output.id }}"] } }'),
    /steps\.a\.output may not exist/,
  ],
  [
    "an output that may not exist, to undo with",
    saga(
      '  - { name: a, action: { exec: [x] }, compensate: { exec: ["${{ steps.a.output.id }}"], nullSafe: true } }',
    ),
    /steps\.a\.output may not exist: a nullSafe compensation is sent when it is not known .* use actionKey$/,
  ],
  [
    "what is not the output of a step",
    saga(a, '  - { name: b, action: { exec: ["${{ steps.a.status }}"] } }'),
    /of a step only its output can be read/,
  ],
  [
    "an input that the saga does not take",
    `input: { sku: string }\n${saga('  - { name: a, action: { exec: ["${{ input.sk }}"] } }')}`,
    /input\.sk: the saga takes no such input; it takes sku$/,
  ],
  [
    "inputs that differ by case",
    `input: { sku: string, SKU: string }\n${saga(a)}`,
    /expressions cannot tell "SKU" from "sku"/,
  ],
  [
    "a type that is not one",
    `input: { sku: text }\n${saga(a)}`,
    /input\.sku: must be string, number, boolean or any/,
  ],
  ["no steps", "saga: s\nsteps: []", /steps: must have at least one step/],
])("refuses %s, and says where and why", async (_what, text, says) => {
  const error = await parseDefinition(text, "f.yaml").catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    code: "SAGA_INVALID",
    details: { file: "f.yaml", line: expect.any(Number) },
  });
  if (typeof says === "string") expect(error).toMatchObject({ message: says });
  else expect(error).toMatchObject({ message: expect.stringMatching(says) });
});

it("refuses a file that is too long, and one that is not there", async () => {
  const long = `${saga(a)}\n# ${"x".repeat(1_000_000)}`;
  await expect(parseDefinition(long, "f.yaml")).rejects.toMatchObject({
    code: "SAGA_INVALID",
    message: expect.stringMatching(/^f\.yaml: is 1000\d+ bytes long; at most 262144 are allowed$/),
  });
  await expect(readDefinition("/nonexistent/f.yaml")).rejects.toMatchObject({ code: "FILE_INVALID" });
});

it("refuses a pipe, which would be read for ever", async () => {
  const dir = mkdtempSync(join(tmpdir(), "dcs-saga-"));
  const pipe = join(dir, "pipe");
  try {
    execFileSync("mkfifo", [pipe]);
    await expect(readDefinition(pipe)).rejects.toMatchObject({
      code: "FILE_INVALID",
      message: `${pipe}: cannot be read: it is no regular file`,
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it("fills in what the file leaves out", async () => {
  const { definition, warnings } = await parseDefinition(saga(a, b), "/dir/f.yaml");
  expect(definition).toMatchObject({
    saga: "s",
    input: null,
    directory: "/dir",
    steps: [
      {
        name: "a",
        needs: [],
        pivot: false,
        timeoutMs: 10_000,
        unknown: "idempotent",
        keyTtlMs: 86_400_000,
        settleMs: 0,
        retry: { attempts: 5, initialMs: 200, factor: 2, maxMs: 10_000, jitter: "full" },
      },
      { name: "b", needs: ["a"] },
    ],
  });
  expect(warnings).toEqual([{ step: "a", line: 3, message: expect.stringMatching(/^nothing undoes "a"/) }]);
});

it("has one hash for one meaning", async () => {
  const hash = async (text: string) => (await parseDefinition(text, "f.yaml")).hash;
  const plain = await hash(saga(a, b));
  expect(await hash(`# a remark\n${saga(a, b)}\n`)).toBe(plain);
  expect(await hash(saga("  - { action: { http: POST http://x/a }, name: a }", b))).toBe(plain);
  expect(await hash(saga(a, b.replace("/b", "/c")))).not.toBe(plain);
});

it("takes the example as it stands", async () => {
  const { definition, warnings } = await readDefinition("examples/create-order/saga.yaml");
  expect(definition.steps.map(({ name }) => name)).toEqual(["create-order", "deduct-payment", "ship"]);
  expect(warnings).toEqual([]);
});

it.each([
  ["saga.yaml", process.cwd()],
  ["./saga.yaml", process.cwd()],
  ["sagas/saga.yaml", join(process.cwd(), "sagas")],
  ["/saga.yaml", "/"],
  ["/etc/saga.yaml", "/etc"],
])("finds programs and modules beside %s", async (path, directory) => {
  expect((await parseDefinition(saga(a), path)).definition.directory).toBe(directory);
});
