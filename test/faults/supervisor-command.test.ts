import { spawnSync } from "node:child_process";
import { openSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { GATE_OPEN, gateFor } from "../../src/core/process/gate.ts";
import { Supervised } from "../../src/core/process/supervisor.ts";
import { supervisedPerTest, text } from "./kit/supervised.ts";

const { sh, path } = supervisedPerTest();

/** A file in place of the pipe, with the line that opens. */
function openGate(): number {
  writeFileSync(path("gate"), GATE_OPEN);
  return openSync(path("gate"), "r");
}

describe("the command", () => {
  test("gets its arguments, input and environment as they are", async () => {
    const env = { PATH: process.env["PATH"], "npm_config_//host/:x": "1 2", "a.b": "c=d", EMPTY: "" };
    const child = await Supervised.start({
      command: process.execPath,
      args: [
        "-e",
        "console.log(JSON.stringify([process.argv.slice(1), process.env]))",
        "a b",
        "",
        "$x",
        "-e",
        '"',
      ],
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const output = text(child.stdout);
    await child.open();
    const [args, seen] = JSON.parse(await output);
    expect(args).toEqual(["a b", "", "$x", "-e", '"']);
    expect(seen).toMatchObject(env);
  });

  test.each([
    ["/bin/bash", "/bin/bash"],
    [null, "/bin/sh"],
  ])("keeps variables that shells drop, with %s as bash", (bash, shell) => {
    const env = {
      PATH: process.env["PATH"],
      "a.b": "c=d\ne",
      "BASH_FUNC_f%%": "() { :; }",
      BASH_ENV: "/no/such",
    };
    const gate = gateFor("/usr/bin/env", ["-0"], env, bash);
    expect(gate.program).toBe(shell);
    const seen = spawnSync(gate.program, gate.args, { env, stdio: ["ignore", "pipe", "pipe", openGate()] });
    expect(seen.stderr.toString()).toBe("");
    expect(seen.stdout.toString().split("\0")).toEqual(
      expect.arrayContaining(Object.entries(env).map(([name, value]) => `${name}=${value}`)),
    );
  });

  test("does not inherit the gate", async () => {
    const child = await sh("test -e /proc/self/fd/3 && echo open || echo shut");
    const output = text(child.stdout);
    await child.open();
    expect(await output).toBe("shut\n");
  });

  test("reads its own stdin", async () => {
    const child = await sh("cat", { stdio: ["pipe", "pipe", "ignore"] });
    const output = text(child.stdout);
    await child.open();
    child.stdin?.end("hello");
    expect(await output).toBe("hello");
  });

  test("is looked up before anything starts", async () => {
    await expect(Supervised.start({ command: "no-such-command-of-dcs" })).rejects.toMatchObject({
      code: "COMMAND_NOT_FOUND",
    });
    await expect(Supervised.start({ command: "/etc/passwd" })).rejects.toMatchObject({
      code: "COMMAND_NOT_EXECUTABLE",
    });
  });

  test("that the system will not start is an error, not a crash", async () => {
    await expect(Supervised.start({ command: "true", args: ["x".repeat(4_000_000)] })).rejects.toMatchObject({
      code: "COMMAND_NOT_EXECUTABLE",
    });
    await expect(Supervised.start({ command: "true", cwd: "/no/such/place" })).rejects.toMatchObject({
      code: "COMMAND_NOT_EXECUTABLE",
    });
  });
});
