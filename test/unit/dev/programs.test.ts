import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ENGINES } from "../../../src/core/dev/engines.ts";
import { findPrograms, installCommand, type Machine } from "../../../src/core/dev/programs.ts";
import { DcsError } from "../../../src/core/errors.ts";

const DEBIAN: Machine = {
  path: "/nowhere",
  platform: "linux",
  isRoot: false,
  osRelease: 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\n',
};

function failureOf(work: () => unknown): DcsError {
  try {
    work();
  } catch (error) {
    if (error instanceof DcsError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("programs", () => {
  it("that are missing are all named at once, with the command that installs them", () => {
    const error = failureOf(() => findPrograms([ENGINES.etcd, ENGINES.redis], DEBIAN));
    expect(error).toMatchObject({ code: "ENGINE_MISSING", exitCode: 5, retryable: false });
    expect(error.message).toBe("etcd, redis-server are not installed; nothing was started");
    expect(error.hint).toBe(
      "sudo apt-get update && sudo apt-get install --no-install-recommends etcd-server redis-server",
    );
  });

  it("are found under any of their names, and what is there can be started alone", () => {
    const dir = mkdtempSync(join(tmpdir(), "dcs-test-"));
    try {
      const valkey = join(dir, "valkey-server");
      writeFileSync(valkey, "#!/bin/sh\n");
      chmodSync(valkey, 0o755);
      const machine = { ...DEBIAN, path: dir };
      expect(findPrograms([ENGINES.redis], machine).get("redis")).toEqual({ "redis-server": valkey });
      expect(failureOf(() => findPrograms([ENGINES.etcd, ENGINES.redis], machine)).hint).toMatch(
        / etcd-server {3}# or: dcs up --only redis$/,
      );
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it.each<[string, Partial<Machine>, string]>([
    ["macOS", { platform: "darwin", osRelease: "" }, "brew install etcd mariadb"],
    [
      "root on Ubuntu",
      { isRoot: true, osRelease: "ID=ubuntu\nID_LIKE=debian\n" },
      "apt-get update && apt-get install --no-install-recommends etcd-server mariadb-server",
    ],
    [
      "a derivative",
      { osRelease: 'ID=mint\nID_LIKE="ubuntu debian"\n' },
      "sudo apt-get update && sudo apt-get install --no-install-recommends etcd-server mariadb-server",
    ],
  ])("install on %s", (_what, machine, command) => {
    expect(installCommand(["etcd", "mariadb"], { ...DEBIAN, ...machine })).toBe(command);
  });
});
