import { expect, it } from "vitest";
import { checkInput } from "../../../src/core/saga/definition/check-input.ts";
import { parseDefinition } from "../../../src/core/saga/definition/read-definition.ts";

const INPUT = {
  sku: "string",
  count: { type: "number", default: 1 },
  gift: { type: "boolean", default: false },
  note: { default: null },
  card: { type: "string", secret: true },
  lots: { type: "number", default: "many" },
};

async function check(given: unknown) {
  const steps = [{ name: "a", action: { exec: ["true"] } }];
  const text = JSON.stringify({ saga: "s", input: INPUT, steps });
  return checkInput((await parseDefinition(text, "/tmp/s.yaml")).definition, given);
}

it("fills in the defaults, in the order of the definition", async () => {
  const complete = await check({ lots: 5, card: "c", sku: "a" });
  expect(JSON.stringify(complete)).toBe('{"sku":"a","count":1,"gift":false,"note":null,"card":"c","lots":5}');
});

it("takes anything where the saga asks for nothing", async () => {
  const given = { a: [1, { b: null }] };
  const steps = [{ name: "a", action: { exec: ["true"] } }];
  const text = JSON.stringify({ saga: "s", steps });
  expect(checkInput((await parseDefinition(text, "/tmp/s.yaml")).definition, given)).toEqual(given);
});

it.each<[given: unknown, says: string]>([
  [{}, "input sku is missing: it must be a string"],
  [{ sku: 5, card: "c" }, "input sku must be a string, not 5"],
  [{ sku: null, card: "c" }, "input sku must be a string, not null"],
  [{ sku: "a", card: "c", count: "2" }, 'input count must be a number, not "2"'],
  [{ sku: "a", card: "c", gift: "x".repeat(100) }, `input gift must be a boolean, not "${"x".repeat(58)}…`],
  [{ sku: "a", card: { no: 4111 } }, "input card must be a string, not something else"],
  [{ sku: "a", card: "c" }, 'input lots must be a number, not "many", which is its default,'],
  [{ sku: "a", Card: "4111" }, "input Card: the saga takes no such input; it takes card"],
  [
    { sku: "a", other: 1 },
    "input other: the saga takes no such input; it takes sku, count, gift, note, card, lots",
  ],
  [[1], "the input must be an object of names and values, not [1]"],
  [null, "the input must be an object of names and values, not null"],
  ["x", 'the input must be an object of names and values, not "x"'],
  [{ sku: "x".repeat(262_144) }, "bytes of JSON; 262144 are allowed"],
])("refuses %j", async (given, says) => {
  const failure = await check(given).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "SAGA_INPUT_INVALID", message: expect.stringContaining(says) });
  expect(JSON.stringify(failure)).not.toContain("4111");
});

it("refuses what is nested without end", async () => {
  let deep: unknown = 1;
  for (let n = 0; n < 20_000; n++) deep = [deep];
  await expect(check({ deep })).rejects.toThrow("nested more than 100 deep");
});
