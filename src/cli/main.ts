import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Config } from "@oclif/core/config";
import type { PJSON } from "@oclif/core/interfaces";
import { run } from "@oclif/core/run";
import { DcsError } from "../core/errors.ts";
import { glance } from "./argv.ts";
import { tellFailure } from "./failure.ts";

/** Where dcs runs from. */
export interface Installation {
  /** Directory of package.json. */
  readonly root: string;
  readonly pjson: PJSON;
  /** True when it runs from src/, where no manifest is. */
  readonly ignoreManifest?: boolean;
}

/** Runs one command line with the built bundle; `base` is the directory of package.json. */
export async function start(base: URL, argv: readonly string[]): Promise<void> {
  const pjson = JSON.parse(readFileSync(new URL("package.json", base), "utf8"));
  await main({ root: fileURLToPath(base), pjson }, argv);
}

/** Runs one command line; failures are told here, and the exit status is left in process.exitCode. */
export async function main(installation: Installation, argv: readonly string[]): Promise<void> {
  surviveClosedPipes();
  try {
    const config = await Config.load({ ...installation, version: installation.pjson.version });
    await run(routable(helpWords(argv), config), config);
  } catch (error) {
    const { json, debug } = glance(argv, process.env);
    process.exitCode = tellFailure(error, {
      mode: json ? "json" : "table",
      debug,
      errorExit: null,
      env: process.env,
      streams: process,
    });
  }
}

/** `dcs help lock acquire` is `dcs lock acquire --help`. */
function helpWords(argv: readonly string[]): readonly string[] {
  return argv[0] === "help" ? [...argv.slice(1), "--help"] : argv;
}

/** What oclif would misread: it takes a flag in front for a command, and fails on the help of what does not exist. */
function routable(words: readonly string[], config: Config): string[] {
  const [first = ""] = words;
  if (ROOT_FLAGS.includes(first)) return [...words];
  if (first.startsWith("-")) {
    throw new DcsError("USAGE", `${first} stands before the command`, {
      hint: "write flags after the command: dcs COMMAND [FLAGS]; `dcs --help` lists the commands",
      details: { flag: first },
    });
  }
  const flag = words.findIndex((word) => word.startsWith("-"));
  const name = flag < 0 ? words : words.slice(0, flag);
  const known =
    name.some((_, at) => config.findCommand(name.slice(0, at + 1).join(":"))) ||
    config.findTopic(name.join(":"));
  return known ? [...words] : words.filter((word) => !HELP_FLAGS.includes(word));
}

const HELP_FLAGS: readonly string[] = ["--help", "-h"];
const ROOT_FLAGS: readonly string[] = [...HELP_FLAGS, "--version"];

/** A reader that goes away (`| head -1`) is not an error: what is written after that is dropped. */
function surviveClosedPipes(): void {
  process.stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exitCode = 1;
  });
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    process.stderr.write(`error UNEXPECTED: the output cannot be written: ${error.message}\n`);
    // A listener of oclif's comes next, and would throw it with a page of our own code.
    process.exit(1);
  });
}
