import { readdirSync } from "node:fs";
import type { Command } from "@oclif/core/command";
import { parse } from "@oclif/core/parser";
import { describe, expect, it } from "vitest";
import type { DcsCommand } from "../../src/cli/base-command.ts";
import { usageLine } from "../../src/cli/usage-line.ts";

const ROOT = new URL("../../src/commands/", import.meta.url);

/** By what is typed: `lock break`. */
const COMMANDS = new Map(
  await Promise.all(
    readdirSync(ROOT, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map(async (file) => {
        const module: { default: typeof DcsCommand } = await import(new URL(file, ROOT).href);
        return [file.slice(0, -3).replaceAll("/", " "), module.default] as const;
      }),
  ),
);

const flagsOf = (command: typeof DcsCommand) => ({ ...command.baseFlags, ...command.flags });

/** The command as oclif's help has it. */
function loadable(command: typeof DcsCommand): Command.Loadable {
  const named = (all: object) =>
    Object.fromEntries(Object.entries(all).map(([name, each]) => [name, { ...each, name }]));
  const { takesChild } = command;
  return {
    args: named(command.args),
    flags: named(flagsOf(command)),
    takesChild,
  } as unknown as Command.Loadable;
}

/** The words of each call of dcs in a line of shell, up to what ends or redirects it. */
function callsIn(example: string): readonly (readonly string[])[] {
  return example
    .split("<%= config.bin %> ")
    .slice(1)
    .map((rest) => {
      const words: string[] = [];
      for (const [token] of rest.matchAll(/'[^']*'|\$\([^)]*\)|&&|[;|<>)]|[^\s'";|<>)]+/g)) {
        if (["&&", ";", "|", "<", ">", ")"].includes(token)) break;
        words.push(token.replace(/^'(.*)'$/, "$1"));
      }
      return words;
    });
}

/** The command that is called, and what it is called with; two words make a command of a topic. */
function called(words: readonly string[]) {
  const length = COMMANDS.has(words.slice(0, 2).join(" ")) ? 2 : 1;
  const command = COMMANDS.get(words.slice(0, length).join(" "));
  if (command === undefined) throw new Error(`no command: dcs ${words.join(" ")}`);
  return { command, given: words.slice(length) };
}

describe.each([...COMMANDS])("the help of %s", (name, command) => {
  const usage = usageLine(loadable(command));

  it("names every argument and every flag once, and leaves no hole", () => {
    expect(usage).not.toMatch(/\[\s|\s\]|\|\s*[|\]]|\[\|/);
    const count = (part: string) => usage.split(/[\s[\]()]+/).filter((word) => word === part).length;
    for (const [arg, { required }] of Object.entries(command.args)) {
      const shown = required === true ? arg.toUpperCase() : `[${arg.toUpperCase()}]`;
      expect(usage.split(" ")).toContain(shown);
    }
    for (const [flag, { char, hidden, ...rest }] of Object.entries(flagsOf(command))) {
      if (hidden === true) continue;
      if ("allowNo" in rest && rest.allowNo === true) expect(usage).toContain(`[--[no-]${flag}]`);
      else expect([flag, count(char === undefined ? `--${flag}` : `-${char}`)]).toEqual([flag, 1]);
    }
    expect(usage.endsWith("[-- COMMAND...]")).toBe(command.takesChild);
  });

  it("has examples, and each can be typed", async () => {
    const examples = (command.examples ?? []).map((one) => (typeof one === "string" ? one : one.command));
    expect(examples).not.toEqual([]);
    const calls = examples.flatMap(callsIn).map(called);
    expect(calls.map(({ command: each }) => each)).toContain(command);
    for (const { command: each, given } of calls) {
      const dashes = given.indexOf("--");
      if (dashes >= 0) expect([name, each.takesChild, given.length > dashes + 1]).toEqual([name, true, true]);
      const own = dashes < 0 ? given : given.slice(0, dashes);
      await parse([...own], { args: each.args, flags: flagsOf(each), strict: true });
    }
  });
});

describe("usage lines", () => {
  const flags = {
    output: { exclusive: ["json"], type: "option", options: ["a", "b"], char: "o" },
    json: { type: "boolean" },
    reason: { exclusive: ["plan"], type: "option", required: true, helpValue: "TEXT" },
    wait: { exclusive: ["plan"], type: "option", helpValue: "DUR" },
    now: { exclusive: ["plan", "wait"], type: "boolean" },
    "dry-run": { type: "boolean" },
    out: { dependsOn: ["dry-run"], type: "option", multiple: true },
    plan: { exclusive: ["dry-run"], type: "option", helpValue: "FILE" },
    fair: { type: "boolean", allowNo: true },
    old: { type: "boolean", hidden: true },
  };

  it("group what excludes each other and what needs another", () => {
    const command = { args: { name: { required: true }, more: {} }, flags, baseFlags: {}, takesChild: true };
    expect(usageLine(loadable(command as unknown as typeof DcsCommand))).toBe(
      "NAME [MORE] (--reason TEXT | --plan FILE) [-o a|b | --json] [--wait DUR | --now] " +
        "[--dry-run [--out <value>...]] [--[no-]fair] [-- COMMAND...]",
    );
  });
});
