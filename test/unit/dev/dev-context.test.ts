import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkDevContext, removeDevContext, writeDevContext } from "../../../src/core/dev/dev-context.ts";

const URLS = { store: "etcd://127.0.0.1:1001", locks: "redis://127.0.0.1:1002" };
const OURS = new Set(Object.values(URLS));

let dir = "";
let file = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "dcs-test-"));
  file = join(dir, "config.yaml");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const text = () => readFileSync(file, "utf8");

describe("context dev", () => {
  it("is written into a file that was not there, readable by its owner only", async () => {
    file = join(dir, "new", "config.yaml");
    expect(await writeDevContext(file, URLS)).toBe(true);
    expect(text()).toBe(
      "contexts:\n  dev:\n    store: etcd://127.0.0.1:1001\n    locks: redis://127.0.0.1:1002\n",
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await writeDevContext(file, URLS)).toBe(false);
  });

  it.each([
    ["two spaces", "  "],
    ["four spaces", "    "],
  ])("leaves everything else as it is, indented by %s", async (_what, indent) => {
    const before = `# mine
context: prod # the usual

contexts:
${indent}# careful
${indent}prod:
${indent}${indent}store: "etcd://10.0.0.1:2379" # three one day
${indent}${indent}locks: 'redis://a:6379/0'

${indent}${indent}protected: true

# the end
`;
    writeFileSync(file, before);
    await writeDevContext(file, URLS);
    const lines = text().split("\n");
    for (const line of before.split("\n")) expect(lines).toContain(line);
    expect(text()).toContain(`${indent}dev:\n${indent}${indent}store: etcd://127.0.0.1:1001\n`);
    expect(await removeDevContext(file, OURS)).toBe(true);
    expect(text()).toBe(before);
  });

  it("keeps what the user added to it, and loses the URL of what does not run", async () => {
    writeFileSync(
      file,
      `contexts:\n  dev:\n    store: ${URLS.store}\n    locks: ${URLS.locks} # mine\n    timeout: 3s\n`,
    );
    await checkDevContext(file, {}, OURS);
    await writeDevContext(file, { store: "etcd://127.0.0.1:1003" });
    expect(text()).toBe("contexts:\n  dev:\n    store: etcd://127.0.0.1:1003\n    timeout: 3s\n");
  });

  it("follows a symbolic link and keeps the mode", async () => {
    const real = join(dir, "dotfile.yaml");
    writeFileSync(real, "contexts: {}\n");
    chmodSync(real, 0o640);
    symlinkSync(real, file);
    await writeDevContext(file, URLS);
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, "utf8")).toContain(URLS.store);
    expect(statSync(real).mode & 0o777).toBe(0o640);
  });

  it("goes with the file when nothing else is in it", async () => {
    await writeDevContext(file, URLS);
    expect(await removeDevContext(file, OURS)).toBe(true);
    expect(existsSync(file)).toBe(false);
    expect(await removeDevContext(file, OURS)).toBe(false);
  });

  it.each([
    ["another URL", "store: etcd://127.0.0.1:2379"],
    ["one URL of ours and one of theirs", `store: ${URLS.store}\n    locks: redis://10.0.0.1:6379`],
    ["no URL: the embedded store", "timeout: 3s"],
  ])("of the user's own is not touched: %s", async (_what, body) => {
    const before = `contexts:\n  dev:\n    ${body}\n`;
    writeFileSync(file, before);
    await expect(checkDevContext(file, {}, OURS)).rejects.toMatchObject({
      code: "CONTEXT_TAKEN",
      details: { file, line: 2 },
    });
    expect(await removeDevContext(file, OURS)).toBe(false);
    expect(text()).toBe(before);
  });

  it("is not written into a broken file", async () => {
    writeFileSync(file, "contexts: [\n");
    await expect(checkDevContext(file, {}, OURS)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  });
});
