import { boolean, custom, option, string } from "@oclif/core/flags";
import { DcsError } from "../core/errors.ts";
import { parseDuration } from "../core/util/duration.ts";
import { OUTPUT_MODES } from "./output.ts";

/** A duration such as `30s` in milliseconds. */
export const durationFlag = custom<number>({
  helpValue: "DUR",
  parse: async (input, _context, flag) => parseDuration(input, `--${flag.name}`),
});

/** A duration above 0, in milliseconds. */
export const positiveDurationFlag = custom<number>({
  helpValue: "DUR",
  parse: async (input, _context, flag) => {
    const ms = parseDuration(input, `--${flag.name}`);
    if (ms > 0) return ms;
    throw new DcsError("USAGE", `--${flag.name}: it must be above 0`, {
      hint: "give a duration such as 1s",
      details: { flag: `--${flag.name}`, value: input },
    });
  },
});

/** A duration in milliseconds, or `forever`: Infinity. */
export const waitFlag = custom<number>({
  helpValue: "DUR|forever",
  parse: async (input, _context, flag) =>
    input.trim() === "forever" ? Number.POSITIVE_INFINITY : parseDuration(input, `--${flag.name}`),
});

/** A whole number within [min, max]. */
export const integerFlag = custom<number, { readonly min?: number; readonly max?: number }>({
  helpValue: "N",
  parse: async (input, _context, flag) => {
    const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = flag;
    const value = Number(input);
    if (!/^-?\d+$/.test(input.trim()) || !Number.isSafeInteger(value) || value < min || value > max) {
      const range = `a whole number from ${min} to ${max}`;
      throw new DcsError("USAGE", `--${flag.name}: "${input}" is not ${range}`, {
        hint: `give ${range}`,
        details: { flag: `--${flag.name}`, value: input, allowed: range },
      });
    }
    return value;
  },
});

const GLOBAL = "GLOBAL";

/** Flags of every command. */
export const baseFlags = {
  json: boolean({ helpGroup: GLOBAL, summary: "One JSON document on stdout; ndjson on commands that stay" }),
  output: option({
    char: "o",
    helpGroup: GLOBAL,
    options: OUTPUT_MODES,
    exclusive: ["json"],
    summary: "How the result looks",
  })(),
  quiet: boolean({ char: "q", helpGroup: GLOBAL, summary: "No progress or warnings on stderr" }),
  verbose: boolean({ char: "v", helpGroup: GLOBAL, summary: "More progress on stderr" }),
  debug: boolean({
    helpGroup: GLOBAL,
    summary: "On failure, the whole cause chain with stacks (DCS_DEBUG=1)",
  }),
  context: string({
    helpGroup: GLOBAL,
    helpValue: "NAME",
    summary: "Named set of URLs to use (DCS_CONTEXT)",
  }),
  store: string({ helpGroup: GLOBAL, helpValue: "URL", summary: "Coordination store (DCS_STORE)" }),
  locks: string({
    helpGroup: GLOBAL,
    helpValue: "URL",
    summary: "Where locks are kept; the store unless given (DCS_LOCKS)",
  }),
  journal: string({
    helpGroup: GLOBAL,
    helpValue: "URL",
    summary: "Where sagas are journalled (DCS_JOURNAL)",
  }),
  timeout: durationFlag({
    helpGroup: GLOBAL,
    summary: "Longest time to wait for an answer of a backend (DCS_TIMEOUT; 10s)",
  }),
};

/** Flags of commands that take `-- cmd`. */
export const childFlags = {
  "error-exit": integerFlag({
    min: 0,
    max: 255,
    summary: "Exit status for every failure of dcs itself, so that it differs from the command's",
  }),
};

/** Flags of destructive verbs. */
export const confirmFlags = {
  yes: boolean({ char: "y", summary: "Do it without asking" }),
  confirm: string({ helpValue: "CONTEXT", summary: "Name the protected context to do it there" }),
};
