import { string } from "@oclif/core/args";
import { DcsCommand } from "../cli/base-command.ts";
import { bashCompletion } from "../cli/completion/bash.ts";
import { completionPaths } from "../cli/completion/spec.ts";
import { zshCompletion } from "../cli/completion/zsh.ts";

const SHELLS = { bash: bashCompletion, zsh: zshCompletion };

export default class Completion extends DcsCommand {
  static override summary = "Print a completion script for bash or zsh";
  static override examples = [
    "source <(<%= config.bin %> completion bash)",
    "<%= config.bin %> completion zsh > ~/.zfunc/_dcs",
  ];
  static override args = {
    shell: string({
      ignoreStdin: true,
      required: true,
      options: Object.keys(SHELLS),
      description: "bash or zsh",
    }),
  };

  async execute(): Promise<void> {
    const { args } = await this.parse(Completion);
    const shell = args.shell === "zsh" ? "zsh" : "bash";
    const script = SHELLS[shell](completionPaths(this.config.commands, this.config.topics));
    this.out.result("completion", { shell, script }, { lines: () => script.trimEnd().split("\n") });
  }
}
