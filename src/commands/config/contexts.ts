import { DcsCommand } from "../../cli/base-command.ts";
import { workingDirectory } from "../../cli/working-directory.ts";
import { listContexts } from "../../core/config/list-contexts.ts";
import { redact } from "../../core/util/redact.ts";

export default class ConfigContexts extends DcsCommand {
  static override summary = "List the contexts in reach";
  static override description =
    "Contexts come from the nearest dcs.yaml upward and from dcs/config.yaml in the user's configuration directory.";
  static override examples = ["<%= config.bin %> config contexts"];

  async execute(): Promise<void> {
    await this.parse(ConfigContexts);
    const contexts = await listContexts(process.env, workingDirectory());
    this.out.result(
      "config.contexts",
      {
        contexts: contexts.map((context) => ({ ...context, store: context.store && redact(context.store) })),
      },
      {
        table: () => ({
          head: ["", "NAME", "STORE", "PROTECTED", "DEFINED IN"],
          rows: contexts.map(({ name, selected, store, error, protected: guarded, file, line }) => [
            selected ? "*" : "",
            name,
            error ?? redact(store ?? "embedded:"),
            guarded === null ? "-" : guarded ? "yes" : "no",
            `${file}:${line}`,
          ]),
          empty: "no contexts are defined",
        }),
        names: () => contexts.map(({ name }) => name),
      },
    );
  }
}
