import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findCommand } from "../../src/core/process/find-command.ts";

let dir = "";

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "dcs-find-"));
  for (const name of ["a", "b"]) mkdirSync(join(dir, name));
  writeFileSync(join(dir, "a/plain"), "");
  for (const file of ["b/plain", "b/tool"]) {
    writeFileSync(join(dir, file), "#!/bin/sh\n");
    chmodSync(join(dir, file), 0o755);
  }
  mkdirSync(join(dir, "a/tool"));
  writeFileSync(join(dir, "a/data"), "");
  symlinkSync(join(dir, "nowhere"), join(dir, "b/dangling"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const on = (path: string) => ({ path, cwd: dir });

describe("findCommand", () => {
  test("takes the first on PATH that can be executed, past directories and plain files", () => {
    const path = `${join(dir, "a")}:${join(dir, "b")}`;
    expect(findCommand("tool", on(path))).toBe(join(dir, "b/tool"));
    expect(findCommand("plain", on(path))).toBe(join(dir, "b/plain"));
  });

  test("reads relative and empty PATH entries from the working directory", () => {
    expect(findCommand("tool", on("a:b"))).toBe(join(dir, "b/tool"));
    expect(findCommand("tool", { path: ":/none", cwd: join(dir, "b") })).toBe(join(dir, "b/tool"));
  });

  test("takes a name with a slash as a path, not from PATH", () => {
    expect(findCommand("./b/tool", on("/none"))).toBe(join(dir, "b/tool"));
    expect(findCommand(join(dir, "b/tool"), on(""))).toBe(join(dir, "b/tool"));
    expect(() => findCommand("./tool", on(join(dir, "b")))).toThrow(/not found/);
  });

  test("without a PATH, looks where systems keep programs", () => {
    const saved = process.env["PATH"];
    delete process.env["PATH"];
    try {
      expect(findCommand("sh")).toMatch(/\/sh$/);
    } finally {
      process.env["PATH"] = saved;
    }
  });

  test.each(["nothing", "dangling", "", "a\0b", "./b/nothing", "./b/tool/x"])("%j is not found", (name) => {
    expect(() => findCommand(name, on("a:b"))).toThrow(
      expect.objectContaining({ code: "COMMAND_NOT_FOUND" }),
    );
  });

  test.each(["data", "./a/data", "./a/tool", "/dev/null"])("%j cannot be executed", (name) => {
    expect(() => findCommand(name, on("a:b"))).toThrow(
      expect.objectContaining({ code: "COMMAND_NOT_EXECUTABLE", exitCode: 126 }),
    );
  });
});
