import { describe, expect, it } from "vitest";
import { redact, redactDeep } from "../../src/core/util/redact.ts";

describe("redact", () => {
  it.each([
    ["redis://me:hunter2@h:1", "redis://me:***@h:1"],
    ["redis://:hunter2@h", "redis://:***@h"],
    ["mysql://me:p@ss@h/db", "mysql://me:***@h/db"],
    ["redis://:one@a:1,redis://:two@b:2", "redis://:***@a:1,redis://:***@b:2"],
    ["redis://:one@a:1,:two@b:2", "redis://:***@a:1,:***@b:2"],
    [
      "could not reach etcd://u:p@h:1, nor redis://v:q@i",
      "could not reach etcd://u:***@h:1, nor redis://v:***@i",
    ],
    ["etcd://h:1?password=x&user=me", "etcd://h:1?password=***&user=me"],
    ["etcd://me@h:1", "etcd://me@h:1"],
    ["mail me@example.org at 12:30", "mail me@example.org at 12:30"],
  ])("%s", (text, expected) => expect(redact(text)).toBe(expected));

  it("reaches into values", () => {
    expect(redactDeep({ a: ["x://u:p@h"], b: { c: "y://u:p@h" }, n: 1, z: null })).toEqual({
      a: ["x://u:***@h"],
      b: { c: "y://u:***@h" },
      n: 1,
      z: null,
    });
  });
});
