import { describe, expect, it } from "vitest";
import { Template } from "../../../src/core/saga/definition/template.ts";

describe("objects in expressions", () => {
  const output = { id: 1, ID: 2, constructor: "c", toString: "t", deep: { Key: [1, null], key: "k" } };
  const value = (text: string) => new Template(text, ["steps"]).value({ steps: { a: { output } } });

  it("keep every key, also those that differ only by case or have a name of JavaScript's own", () => {
    expect(value("${{ steps.a.output }}")).toEqual(output);
    expect(JSON.parse(String(value("${{ toJSON(steps.a.output) }}")))).toEqual(output);
  });

  it("give the key as it is written, else one that differs only by case", () => {
    expect(value("${{ steps.a.output.id }}")).toBe(1);
    expect(value("${{ steps.a.output.ID }}")).toBe(2);
    expect(value("${{ steps.a.output.constructor }}")).toBe("c");
    expect(value("${{ steps.a.output.DEEP.key }}")).toBe("k");
  });
});
