import { DcsError, isDcsError } from "../core/errors.ts";
import { nearest } from "../core/util/nearest.ts";

/** A flag as oclif keeps it; the part that messages need. */
interface FlagFacts {
  readonly char?: string;
  readonly options?: readonly string[];
}

interface Definitions {
  readonly flags: Readonly<Record<string, FlagFacts>>;
  readonly args: Readonly<Record<string, unknown>>;
}

const SEE_HELP = /\n?See more help with --help\s*$/;
const PARSING = /^Parsing --[^\n]*\n\t/;

/** What oclif's parser threw, as an error of usage that names the flag or argument, the value seen, and what is allowed. */
export function usageError(thrown: unknown, definitions: Definitions): DcsError {
  const message = clean(thrown);
  if (isDcsError(thrown)) {
    // oclif rewrites the message of what a flag's parser throws.
    return new DcsError(thrown.code, message, {
      details: thrown.details,
      hint: thrown.hint,
      cause: thrown.cause,
    });
  }
  const facts: { flags?: unknown; args?: unknown } = Object(thrown);
  if (isStrings(facts.flags)) return unknownFlag(facts.flags, definitions);
  if (isStrings(facts.args)) return unexpectedArguments(facts.args, definitions);
  if (Array.isArray(facts.args)) return missingArguments(facts.args);
  return valueError(message);
}

function clean(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.replace(SEE_HELP, "").replace(PARSING, "").trim();
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string");
}

function unknownFlag(flags: readonly string[], { flags: known }: Definitions): DcsError {
  const [first = ""] = flags;
  const flag = first.split("=", 1)[0] ?? first;
  const allowed = Object.keys(known)
    .map((name) => `--${name}`)
    .sort();
  const near = flag.startsWith("--") ? nearest(flag, allowed) : null;
  return new DcsError("USAGE", `unknown flag ${flag}`, {
    details: { flag, allowed, ...(near === null ? {} : { didYouMean: near }) },
    ...(near === null ? {} : { hint: `did you mean ${near}?` }),
  });
}

function unexpectedArguments(words: readonly string[], { args }: Definitions): DcsError {
  const names = Object.keys(args).map((name) => name.toUpperCase());
  const takes = names.length === 0 ? "takes no arguments" : `takes only ${names.join(" ")}`;
  return new DcsError("USAGE", `unexpected argument "${words[0] ?? ""}": the command ${takes}`, {
    details: { unexpected: words, allowed: names },
  });
}

function missingArguments(args: readonly unknown[]): DcsError {
  const names = args.map((arg) => nameOf(arg).toUpperCase());
  return new DcsError("USAGE", `missing argument ${names.join(" ")}`, { details: { missing: names } });
}

function nameOf(value: unknown): string {
  return typeof value === "object" && value !== null && "name" in value ? String(value.name) : String(value);
}

function valueError(message: string): DcsError {
  const option = /^Expected (?:--(\S+?)=)?([\s\S]*) to be one of: (.*)$/.exec(message);
  if (option) {
    const [, flag, value = "", list = ""] = option;
    const allowed = list.split(", ");
    const near = nearest(value, allowed);
    return new DcsError("USAGE", `${flag ? `--${flag}: ` : ""}"${value}" is not one of ${list}`, {
      details: { ...(flag ? { flag: `--${flag}` } : {}), value, allowed },
      ...(near === null ? {} : { hint: `did you mean ${near}?` }),
    });
  }
  const lines = message.split("\n").map((line) => line.trim());
  const reasons = /^The following errors? occurred:$/.test(lines[0] ?? "") ? lines.slice(1) : lines;
  const text = reasons
    .filter((line) => line !== "")
    .map((line) => line.replace(/^Missing required flag (\S+)/, "missing flag --$1"))
    .join("; ")
    .replace(
      /^(--[\w-]+)(?:=.*?)? cannot also be provided when using (--[\w-]+)/s,
      "$1 and $2 cannot go together",
    )
    .replace(/^All of the following must be provided when using (--\S+): (.*)$/, "$1 needs $2")
    .replace(/^Flag (--\S+) expects a value$/, "$1 needs a value")
    .replace(/^Flag (--\S+) expects one of these values: /, "$1 needs a value, one of ");
  const flag = /--[a-z][a-z-]*/.exec(text)?.[0];
  return new DcsError("USAGE", text, { details: flag === undefined ? {} : { flag } });
}
