import type { Command } from "@oclif/core/command";

/** What completion knows of a flag. */
export interface CompletedFlag {
  /** `--output`, and `-o` where it has a short form. */
  readonly words: readonly string[];
  readonly summary: string;
  readonly takesValue: boolean;
  /** The values it takes, where they are known. */
  readonly values: readonly string[];
}

/** One word that may follow at a place, and what it is. */
export interface CompletedWord {
  readonly word: string;
  readonly summary: string;
}

/** What may follow a command path such as `lock` or `lock acquire`; the root is "". */
export interface CompletedPath {
  readonly path: string;
  /** Subcommands, or the known values of the first argument. */
  readonly next: readonly CompletedWord[];
  readonly flags: readonly CompletedFlag[];
}

type Commands = readonly Pick<Command.Loadable, "id" | "summary" | "flags" | "args" | "hidden">[];
type Topics = readonly { readonly name: string; readonly description?: string | undefined }[];

/** Every place of the command line, from oclif's manifest. */
export function completionPaths(commands: Commands, topics: Topics): CompletedPath[] {
  const shown = commands.filter(({ hidden }) => hidden !== true);
  const paths = new Map<string, Map<string, string>>([["", new Map()]]);
  for (const { id, summary } of shown) {
    const words = id.split(":");
    words.forEach((word, index) => {
      const parent = words.slice(0, index).join(" ");
      const place = paths.get(parent) ?? new Map<string, string>();
      const name = words.slice(0, index + 1).join(":");
      const about =
        index === words.length - 1 ? summary : topics.find((topic) => topic.name === name)?.description;
      if (!place.get(word)) place.set(word, about ?? "");
      paths.set(parent, place);
    });
  }
  for (const { id } of shown) {
    const path = id.replaceAll(":", " ");
    paths.set(path, paths.get(path) ?? new Map());
  }
  return [...paths].map(([path, next]) => {
    const command = shown.find(({ id }) => id === path.replaceAll(" ", ":"));
    const words = [...next].map(([word, summary]) => ({ word, summary }));
    return { path, next: [...words, ...firstArgument(command)], flags: flagsOf(command) };
  });
}

function firstArgument(command: Commands[number] | undefined): CompletedWord[] {
  const [first] = Object.values(command?.args ?? {});
  return (first?.options ?? []).map((word) => ({ word, summary: first?.description ?? "" }));
}

function flagsOf(command: Commands[number] | undefined): CompletedFlag[] {
  const help = { words: ["--help"], summary: "Show help", takesValue: false, values: [] };
  const flags = Object.values(command?.flags ?? {}).filter((flag) => flag.hidden !== true);
  return [
    ...flags.map((flag) => ({
      words: [`--${flag.name}`, ...(flag.char === undefined ? [] : [`-${flag.char}`])],
      summary: flag.summary ?? flag.description ?? "",
      takesValue: flag.type === "option",
      values: flag.type === "option" ? (flag.options ?? []) : [],
    })),
    help,
  ];
}
