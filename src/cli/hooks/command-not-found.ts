import type { Hook } from "@oclif/core/hooks";
import { DcsError } from "../../core/errors.ts";
import { nearest } from "../../core/util/nearest.ts";

/** Says what is wrong with a command that does not exist, and names the one that was probably meant. */
const hook: Hook.CommandNotFound = async ({ config, id, argv }) => {
  const words = id.split(":");
  for (let length = words.length - 1; length > 0; length--) {
    // oclif takes words after a command without arguments for a part of its name.
    if (!config.findCommand(words.slice(0, length).join(":"))) continue;
    throw new DcsError(
      "USAGE",
      `unexpected argument "${words[length] ?? ""}": dcs ${words.slice(0, length).join(" ")} takes no arguments`,
      { details: { unexpected: words.slice(length), allowed: [] } },
    );
  }
  const typed = [id.replaceAll(":", " "), ...(argv ?? []).filter((word) => !word.startsWith("-"))].join(" ");
  const known = config.commands.filter((command) => !command.hidden).map((command) => spaced(command.id));
  const names = [...known, ...config.topics.map((topic) => spaced(topic.name))];
  const near = nearest(typed, names) ?? nearest(id.replaceAll(":", " "), names);
  throw new DcsError("COMMAND_NOT_FOUND", `dcs has no command "${id.replaceAll(":", " ")}"`, {
    hint: near === null ? "`dcs --help` lists the commands" : `did you mean \`dcs ${near}\`?`,
    details: { command: typed, ...(near === null ? {} : { didYouMean: near }) },
  });
};

function spaced(id: string): string {
  return id.replaceAll(":", " ");
}

export default hook;
