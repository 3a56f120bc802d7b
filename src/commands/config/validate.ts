import { resolve } from "node:path";
import { string } from "@oclif/core/args";
import { DcsCommand } from "../../cli/base-command.ts";
import { workingDirectory } from "../../cli/working-directory.ts";
import { validateConfig } from "../../core/config/validate.ts";

export default class ConfigValidate extends DcsCommand {
  static override summary = "Check configuration files";
  static override description =
    "Without FILE, checks every file in reach. Environment variables that they name must be set.";
  static override examples = [
    "<%= config.bin %> config validate",
    "<%= config.bin %> config validate dcs.yaml",
  ];
  static override args = { file: string({ ignoreStdin: true, description: "File to check" }) };

  async execute(): Promise<void> {
    const { args } = await this.parse(ConfigValidate);
    const given = args.file === undefined ? null : resolve(args.file);
    const files = await validateConfig(given, process.env, workingDirectory());
    this.out.result(
      "config.validate",
      { files },
      {
        table: () => ({
          head: ["FILE", "CONTEXTS"],
          rows: files.map(({ file, contexts }) => [file, contexts.join(" ") || "-"]),
          empty: "there is no configuration file in reach",
        }),
        names: () => files.map(({ file }) => file),
      },
    );
  }
}
