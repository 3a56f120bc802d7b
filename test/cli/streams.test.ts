import { describe, expect, it } from "vitest";
import { dcsBin, runDcs, runProcess } from "../support/cli.ts";
import { sandbox, startDcs } from "../support/start-dcs.ts";
import { until } from "../support/until.ts";

const shell = (script: string, env: Readonly<Record<string, string>>) =>
  runProcess(
    ["bash", "-c", `set -o pipefail; dcs() { "${process.execPath}" "${dcsBin}" "$@"; }; ${script}`],
    { env },
  );

describe("streams", () => {
  it("survives a reader that takes one line", async () => {
    using box = sandbox();
    for (const command of ["completion bash", "--help", "config show --json"]) {
      const { code, stderr, stdout } = await shell(`dcs ${command} | head -1`, box.env);
      expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: "" });
      expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    }
  });

  it("survives a reader that is gone at once", async () => {
    using box = sandbox();
    expect(await shell("dcs completion zsh | true", box.env)).toMatchObject({ code: 0, stderr: "" });
  });

  it("loses nothing to a slow reader", async () => {
    using box = sandbox();
    const whole = await runDcs(["completion", "zsh"]);
    const slow = await shell("dcs completion zsh | { sleep 1; cat; }", box.env);
    expect(slow.stdout).toBe(whole.stdout);
  });

  it("is stopped by SIGINT with 130 and by SIGTERM with 143 while it waits", async () => {
    using box = sandbox();
    expect((await runDcs(["lock", "acquire", "busy", "--ttl", "60s"], { env: box.env })).code).toBe(0);
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const waiter = startDcs(box, ["lock", "acquire", "busy", "--ttl", "60s", "--wait", "forever"]);
      await until(async () =>
        (await runDcs(["lock", "ls", "--json"], { env: box.env })).stdout.includes('"waiters":1'),
      );
      waiter.process.kill(signal);
      expect((await waiter.done).code).toBe(code);
    }
  });
});

describe("colour", () => {
  const sgr = "\u001b[";
  const coloured = async (env: Readonly<Record<string, string>>) =>
    (await runDcs(["config", "show", "--nope"], { env })).stderr.includes(sgr);

  it("is off without a TTY, on when forced, and NO_COLOR wins", async () => {
    expect(await coloured({})).toBe(false);
    expect(await coloured({ FORCE_COLOR: "1" })).toBe(true);
    expect(await coloured({ CLICOLOR_FORCE: "1" })).toBe(true);
    expect(await coloured({ FORCE_COLOR: "0" })).toBe(false);
    expect(await coloured({ FORCE_COLOR: "1", NO_COLOR: "1" })).toBe(false);
  });

  it("never goes into JSON, nor into help when it is off", async () => {
    expect((await runDcs(["config", "show", "--json"], { env: { FORCE_COLOR: "1" } })).stdout).not.toContain(
      escape,
    );
    expect((await runDcs(["--help"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })).stdout).not.toContain(
      escape,
    );
    expect((await runDcs(["--help"])).stdout).not.toContain(sgr);
  });
});

describe("help", () => {
  it("lists commands, topics and exit statuses", async () => {
    const root = await runDcs(["--help"]);
    expect(root.code).toBe(0);
    for (const word of ["config", "lease", "lock", "completion"]) expect(root.stdout).toContain(word);
    const command = await runDcs(["lock", "acquire", "--help"]);
    expect(command.stdout).toContain("EXIT STATUS");
    expect(command.stdout).toMatch(/3\s+conflict/);
    expect((await runDcs(["help", "lock", "acquire"])).stdout).toBe(command.stdout);
    expect((await runDcs(["lock"])).stdout).toContain("lock acquire");
  });

  it("tells the version", async () => {
    expect((await runDcs(["--version"])).stdout).toMatch(/^dcs\/\d+\.\d+\.\d+ /);
  });
});

describe("completion", () => {
  const complete = (words: string, env: Readonly<Record<string, string>>) =>
    shell(
      `source <(dcs completion bash); COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _dcs; printf '%s\\n' "\${COMPREPLY[@]}"`,
      env,
    );

  it.each([
    ["dcs conf", ["config"]],
    ["dcs config va", ["validate"]],
    ["dcs config show --ori", ["--origin"]],
    ["dcs config show --output = js", ["json"]],
    ["dcs config show -o nd", ["ndjson"]],
    ["dcs completion zs", ["zsh"]],
    ["dcs lock acquire x -- conf", [""]],
  ])("bash completes %s", async (words, expected) => {
    using box = sandbox();
    const { stdout, stderr } = await complete(words, box.env);
    expect({ stderr, words: stdout.trimEnd().split("\n") }).toEqual({ stderr: "", words: expected });
  });

  it("zsh's script names every command, and zsh reads it where it is installed", async () => {
    using box = sandbox();
    const { stdout } = await runDcs(["completion", "zsh"]);
    for (const word of ["'lock acquire'", "'config show'", "--origin:"]) expect(stdout).toContain(word);
    const { code, stderr } = await shell(
      "! command -v zsh >/dev/null || zsh -n <(dcs completion zsh)",
      box.env,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  it("says in one line that the output cannot be written", async () => {
    using box = sandbox();
    const run = await shell("dcs config show > /dev/full", box.env);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/^error UNEXPECTED: the output cannot be written: ENOSPC.*\n$/);
  });
});
