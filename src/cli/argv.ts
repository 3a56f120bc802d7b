/** What must be known of the words of a command line before, or although, oclif cannot parse them. */
export interface Glance {
  /** Words for oclif: all before the first `--`. */
  readonly own: readonly string[];
  /** Words after the first `--`; null when there is no `--`. */
  readonly child: readonly string[] | null;
  readonly json: boolean;
  /** The value of -o/--output as typed, or null. */
  readonly output: string | null;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
  /** The value of --error-exit when it is a usable exit status. */
  readonly errorExit: number | null;
}

/** Reads the flags that decide how a failure is told. */
export function glance(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Glance {
  const dashes = argv.indexOf("--");
  const own = dashes < 0 ? argv : argv.slice(0, dashes);
  const errorExit = Number(flagValue(own, ["--error-exit"]) ?? Number.NaN);
  return {
    own,
    child: dashes < 0 ? null : argv.slice(dashes + 1),
    json: own.includes("--json"),
    output: flagValue(own, ["-o", "--output"]),
    quiet: own.includes("-q") || own.includes("--quiet"),
    verbose: own.includes("-v") || own.includes("--verbose"),
    debug: own.includes("--debug") || env["DCS_DEBUG"] === "1" || env["DCS_DEBUG"] === "true",
    errorExit: Number.isInteger(errorExit) && errorExit >= 0 && errorExit <= 255 ? errorExit : null,
  };
}

function flagValue(words: readonly string[], names: readonly string[]): string | null {
  for (const [index, word] of words.entries()) {
    for (const name of names) {
      if (word === name) return words[index + 1] ?? null;
      if (word.startsWith(`${name}=`)) return word.slice(name.length + 1);
      if (name.length === 2 && word.startsWith(name) && word.length > 2) return word.slice(2);
    }
  }
  return null;
}
