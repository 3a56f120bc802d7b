import { string } from "@oclif/core/args";
import { boolean } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { workingDirectory } from "../../cli/working-directory.ts";
import { findContext, loadConfigFiles } from "../../core/config/contexts.ts";
import { stateDirectory } from "../../core/config/paths.ts";
import { writeSelection } from "../../core/config/selection.ts";
import { DcsError } from "../../core/errors.ts";

export default class ConfigUse extends DcsCommand {
  static override summary = "Select the context that commands use from now on";
  static override description =
    "Only the user's own state file is written; configuration files stay as they are.";
  static override examples = ["<%= config.bin %> config use dev", "<%= config.bin %> config use --none"];
  static override exits = [4];
  static override args = { context: string({ ignoreStdin: true, description: "Name of the context" }) };
  static override flags = { none: boolean({ summary: "Select no context" }) };

  async execute(): Promise<void> {
    const { args, flags } = await this.parse(ConfigUse);
    if ((args.context === undefined) !== (flags.none === true)) {
      throw new DcsError("USAGE", "give either the name of a context or --none");
    }
    const stateDir = stateDirectory(process.env, workingDirectory()).value;
    if (args.context === undefined) {
      writeSelection(stateDir, null);
      this.out.result(
        "config.use",
        { context: null },
        { lines: () => ["no context is selected"], names: () => [] },
      );
      return;
    }
    const { name, file } = findContext(
      await loadConfigFiles(process.env, workingDirectory()),
      args.context,
      "config use",
    );
    file.values(name);
    writeSelection(stateDir, { context: name, file: file.path });
    this.out.result(
      "config.use",
      { context: name, file: file.path },
      { lines: () => [`context ${name} of ${file.path} is selected`], names: () => [name] },
    );
  }
}
