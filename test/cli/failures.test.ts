import { describe, expect, it } from "vitest";
import { runDcs } from "../support/cli.ts";

const document = (code: string) => ({
  schema: "dcs.error/1",
  ok: false,
  error: expect.objectContaining({ code }),
});

describe("a failure", () => {
  it.each<[string, string[], number, string]>([
    ["an unknown flag", ["config", "show", "--nope"], 2, "USAGE"],
    ["a bad value", ["config", "show", "--timeout", "soon"], 2, "USAGE"],
    ["an unexpected argument", ["config", "show", "extra"], 2, "USAGE"],
    ["a missing argument", ["completion"], 2, "USAGE"],
    ["a bad argument", ["completion", "fish"], 2, "USAGE"],
    ["a flag without its value", ["config", "show", "--store"], 2, "USAGE"],
    ["a timeout of 0", ["config", "show", "--timeout", "0"], 2, "USAGE"],
    ["words after -- where none belong", ["config", "show", "--", "true"], 2, "USAGE"],
    ["a URL without a scheme", ["config", "show", "--store", "nonsense"], 2, "URL_INVALID"],
    ["an unknown context", ["config", "show", "--context", "nope"], 2, "CONTEXT_UNKNOWN"],
    ["an unknown command", ["confg", "show"], 127, "COMMAND_NOT_FOUND"],
    ["an unknown subcommand", ["config", "shwo"], 127, "COMMAND_NOT_FOUND"],
  ])("of %s is one document on stdout with --json", async (_what, args, status, code) => {
    const dashes = args.indexOf("--");
    const words = dashes < 0 ? [...args, "--json"] : args.toSpliced(dashes, 0, "--json");
    // A flag that wants a value would eat the next word.
    const run = await runDcs(args.at(-1) === "--store" ? ["config", "show", "--json", "--store"] : words);
    expect(run.code).toBe(status);
    expect(run.json()).toEqual(document(code));
    expect(run.stdout.trimEnd()).not.toContain("\n");
    expect(run.stderr).toBe("");
  });

  it("is two lines on stderr for people", async () => {
    const run = await runDcs(["config", "show", "--orign"]);
    expect(run).toMatchObject({
      code: 2,
      stdout: "",
      stderr: "error USAGE: unknown flag --orign\n  try: did you mean --origin?\n",
    });
  });

  it("names the flag, the value and what is allowed", async () => {
    const run = await runDcs(["config", "show", "-o", "jsn", "--json"]);
    expect(run.json()["error"]).toMatchObject({
      message: '--output: "jsn" is not one of table, wide, name, env, json, ndjson',
      details: { flag: "--output", value: "jsn", allowed: expect.arrayContaining(["json"]) },
      hint: "did you mean json?",
    });
  });

  it("keeps its message when a flag's parser threw it", async () => {
    const run = await runDcs(["config", "show", "--timeout", "soon"]);
    expect(run.stderr).toBe(
      'error USAGE: --timeout: "soon" is not a duration\n  try: write a number and a unit: 500ms, 30s, 1.5m, 1h30m, 2d\n',
    );
  });

  it("suggests the command that was meant", async () => {
    expect((await runDcs(["confg", "show"])).stderr).toContain("did you mean `dcs config show`?");
    expect((await runDcs(["lock", "aquire", "x"])).stderr).toContain("did you mean `dcs lock acquire`?");
  });

  it("shows no stack, and the cause chain with --debug, without secrets", async () => {
    const args = ["config", "show", "--store", "ftp://me:hunter2@host"];
    const plain = await runDcs(args);
    expect(plain.stderr).not.toContain("    at ");
    const debug = await runDcs([...args, "--debug"]);
    expect(debug.stderr).toContain("    at ");
    expect(plain.stderr + debug.stderr).not.toContain("hunter2");
    expect((await runDcs(args, { env: { DCS_DEBUG: "1" } })).stderr).toContain("    at ");
  });

  it("is annotated under GitHub Actions", async () => {
    const run = await runDcs(["config", "show", "--nope"], { env: { GITHUB_ACTIONS: "true" } });
    expect(run.stderr).toContain("\n::error title=USAGE::unknown flag --nope");
    const forged = await runDcs(["config", "show", "--a\n::error::100%\u001b[2J"], {
      env: { GITHUB_ACTIONS: "true" },
    });
    expect(forged.stderr).toContain("\n::error title=USAGE::unknown flag --a%0A::error::100%25\\x1b[2J");
    expect(forged.stderr.match(/^::/gm)).toHaveLength(1);
  });

  it("has the status --error-exit gives, where a command is run", async () => {
    const run = await runDcs(["lock", "acquire", "x", "--error-exit", "77", "--nope", "--", "true"]);
    expect(run.code).toBe(77);
  });

  it("says that stdout belongs to the command when --json goes with --", async () => {
    const run = await runDcs(["lock", "acquire", "x", "--json", "--", "true"]);
    expect(run.code).toBe(2);
    expect(run.stdout).toContain("--receipt");
    expect(run.stdout).toContain("--events");
  });

  it("needs no home", async () => {
    const run = await runDcs(["config", "show", "--json"], { env: { HOME: "", DCS_STATE_DIR: "" } });
    expect([0, 2]).toContain(run.code);
    expect(run.json()["schema"]).toMatch(/^dcs\./);
  });
});
