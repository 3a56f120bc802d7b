import { describe, expect, it } from "vitest";
import { parseDefinition } from "../../../src/core/saga/definition/read-definition.ts";
import { processSecrets } from "../../../src/core/saga/secrets/process-secrets.ts";
import { Redactor } from "../../../src/core/saga/secrets/redactor.ts";
import { openInput, sealInput } from "../../../src/core/saga/secrets/seal-input.ts";
import { isSealed, Sealer } from "../../../src/core/saga/secrets/sealer.ts";

const HEX = "0123456789abcdef".repeat(4);
const sealer = Sealer.fromEnvironment({ DCS_SAGA_KEY: HEX });
const other = Sealer.fromEnvironment({ DCS_SAGA_KEY: "ff".repeat(32) });

async function definitionOf(saga = "pay") {
  const steps = [{ name: "a", action: { exec: ["true"] } }];
  const input = { card: { secret: true }, pin: { secret: true, type: "number" }, sku: "string" };
  return (await parseDefinition(JSON.stringify({ saga, input, steps }), "/tmp/s.yaml")).definition;
}

describe("sealing", () => {
  it("opens what it sealed, never shows it, and leaves the rest", async () => {
    const definition = await definitionOf();
    const input = { card: { no: "4111" }, pin: 77_123, sku: "x" };
    const sealed = sealInput(definition, input, sealer);
    expect(sealed).toEqual({
      card: { $sealed: expect.stringMatching(/^v1\.[0-9a-f]{8}\./) },
      pin: { $sealed: expect.any(String) },
      sku: "x",
    });
    expect(JSON.stringify(sealed)).not.toMatch(/4111|77123/);
    expect(openInput(definition, sealed, sealer)).toEqual(input);
    // As a run that goes on from it does.
    expect(sealInput(definition, sealed, sealer)).toEqual(sealed);
    expect(sealInput(definition, input, sealer)).not.toEqual(sealed);
  });

  it("takes a key as hex or base64", () => {
    const base64 = Buffer.from(HEX, "hex").toString("base64");
    const again = Sealer.fromEnvironment({ DCS_SAGA_KEY: `${base64}\n` });
    const sealed = sealer?.seal("x", "p");
    expect(sealed && again?.open(sealed, "p")).toBe("x");
    expect(Sealer.fromEnvironment({})).toBeNull();
    expect(Sealer.fromEnvironment({ DCS_SAGA_KEY: " " })).toBeNull();
  });

  it.each(["hunter2", HEX.slice(2), `${HEX}00`, "x".repeat(64)])(
    "%j is no key, and not said aloud",
    (text) => {
      const act = () => Sealer.fromEnvironment({ DCS_SAGA_KEY: text });
      expect(act).toThrow(`DCS_SAGA_KEY is not a key: it has ${text.length} characters`);
      expect(act).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
    },
  );

  it("needs the key only where there is something to seal or open", async () => {
    const definition = await definitionOf();
    const missing = expect.objectContaining({ code: "CONFIG_INVALID" });
    expect(() => sealInput(definition, { card: 1 }, null)).toThrow(missing);
    expect(() => openInput(definition, sealInput(definition, { card: 1 }, sealer), null)).toThrow(missing);
    expect(sealInput(definition, { sku: "x" }, null)).toEqual({ sku: "x" });
    expect(openInput(definition, { sku: "x" }, null)).toEqual({ sku: "x" });
  });

  it("opens nothing with another key, in another place, or after a change", async () => {
    const definition = await definitionOf();
    const sealed = sealInput(definition, { card: "4111", pin: 5 }, sealer);
    expect(() => openInput(definition, sealed, other)).toThrow(/sealed with another key/);
    const swapped = { card: sealed["pin"] ?? null, pin: sealed["card"] ?? null };
    const corrupt = expect.objectContaining({ code: "JOURNAL_CORRUPT" });
    expect(() => openInput(definition, swapped, sealer)).toThrow(corrupt);
    const { card } = sealed;
    const text = isSealed(card) ? card.$sealed : "";
    const last = text.at(-3) === "A" ? "B" : "A";
    const changed = { card: { $sealed: text.slice(0, -3) + last + text.slice(-2) } };
    expect(() => openInput(definition, changed, sealer)).toThrow(corrupt);
    const elsewhere = await definitionOf("refund");
    expect(() => openInput(elsewhere, sealed, sealer)).toThrow(corrupt);
  });

  it("reads secrets of the environment by their names", () => {
    expect(processSecrets({ DCS_SECRET_TOKEN: "t", DCS_STATE_DIR: "/x" })).toEqual({
      sealer: null,
      values: { TOKEN: "t" },
    });
  });
});

describe("redacting", () => {
  const redactor = new Redactor([
    "s3cret/value",
    'with"quote',
    "abc",
    { pin: 77_123, list: ["inner-1"] },
    true,
  ]);

  it.each([
    ["token s3cret/value here", "token [redacted] here"],
    ["GET /s3cret%2Fvalue", "GET /[redacted]"],
    [JSON.stringify({ a: 'with"quote' }), '{"a":"[redacted]"}'],
    [JSON.stringify(JSON.stringify({ a: 'with"quote' })), '"{\\"a\\":\\"[redacted]\\"}"'],
    [`x ${Buffer.from("s3cret/value").toString("base64")}`, "x [redacted]"],
    ["pin 77123, inner-1", "pin [redacted], [redacted]"],
    ["abc", "[redacted]"],
    // Too short to be looked for in other texts.
    ["abcdef", "abcdef"],
    ["http://user:pw@host/", "http://user:***@host/"],
    ["Authorization: Bearer xyz.123456789", "Authorization: Bearer [redacted]"],
    ['{"authorization":"Basic dXNlcjpwdw=="}', '{"authorization":"Basic [redacted]"}'],
    ["true story", "true story"],
  ])("%j becomes %j", (text, clean) => {
    expect(redactor.text(text)).toBe(clean);
  });

  it("goes through JSON: names, texts, numbers", () => {
    const value = { "k s3cret/value": ["abc", 77_123, 1, null, true, "http://u:p@h/"] };
    expect(redactor.json(value)).toEqual({
      "k [redacted]": ["[redacted]", "[redacted]", 1, null, true, "http://u:p@h/"],
    });
    expect(redactor.shown({ url: "http://u:p@h/" })).toEqual({ url: "http://u:***@h/" });
  });

  it("leaves what it is given alone when there is nothing to hide", () => {
    const value = { a: ["b", 1] };
    expect(new Redactor([]).json(value)).toBe(value);
    expect(new Redactor([""]).text("a b")).toBe("a b");
  });
});
