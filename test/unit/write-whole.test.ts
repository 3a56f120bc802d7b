import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeWhole } from "../../src/core/util/write-whole.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "dcs-write-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe("a file that is written whole", () => {
  it("is another file than before, so that who reads the old one reads it to its end", async () => {
    const path = join(dir, "a");
    writeFileSync(path, "old", { mode: 0o640 });
    const before = statSync(path).ino;
    await writeWhole(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(statSync(path).ino).not.toBe(before);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(dir)).toEqual(["a"]);
  });

  it("stays behind the link that leads to it", async () => {
    writeFileSync(join(dir, "real"), "old");
    symlinkSync("real", join(dir, "link"));
    await writeWhole(join(dir, "link"), "new");
    expect(lstatSync(join(dir, "link")).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(dir, "real"), "utf8")).toBe("new");
  });

  it("writes to what is no plain file", () => expect(writeWhole("/dev/null", "x")).resolves.toBeUndefined());

  it("leaves nothing where it cannot be written", async () => {
    mkdirSync(join(dir, "d"));
    await expect(writeWhole(join(dir, "d"), "x")).rejects.toMatchObject({ code: "EISDIR" });
    await expect(writeWhole(join(dir, "no", "a"), "x")).rejects.toMatchObject({ code: "ENOENT" });
    expect(readdirSync(dir)).toEqual(["d"]);
  });
});
