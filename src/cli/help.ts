import type { Command } from "@oclif/core/command";
import { CommandHelp, Help } from "@oclif/core/help";
import { EXIT_MEANINGS } from "./exits.ts";
import { usageLine } from "./usage-line.ts";

/** oclif's help of a command, and the exit statuses it can end with. */
class DcsCommandHelp extends CommandHelp {
  protected override defaultUsage(): string {
    return `<%= command.id %> ${usageLine(this.command)}`.trim();
  }

  protected override sections(): ReturnType<CommandHelp["sections"]> {
    const sections = super.sections().filter(({ header }) => header !== "FLAG DESCRIPTIONS");
    const examples = sections.findIndex(({ header }) => header === "EXAMPLES");
    const at = examples < 0 ? sections.length : examples;
    return sections.toSpliced(at, 0, {
      header: "EXIT STATUS",
      generate: (_parts, header) => [{ header, body: exitLines(this.command) }],
    });
  }
}

function exitLines(command: Command.Loadable): [string, string][] {
  const listed: unknown = "exits" in command ? command["exits"] : undefined;
  const own = Array.isArray(listed) ? listed.map(Number) : [];
  const statuses = [...new Set([0, 1, 2, ...own])].sort((a, b) => a - b);
  return statuses.map((status) => [String(status), EXIT_MEANINGS[status] ?? ""]);
}

/** The help of dcs. */
export default class DcsHelp extends Help {
  protected override CommandHelpClass = DcsCommandHelp;
}
