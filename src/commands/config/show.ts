import { boolean } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { formatOrigin, type Setting, type Settings } from "../../core/config/settings.ts";
import { formatDuration } from "../../core/util/duration.ts";
import { redact } from "../../core/util/redact.ts";

export default class ConfigShow extends DcsCommand {
  static override summary = "Show the configuration in use";
  static override description = "Values come from a flag, else DCS_*, else the context, else the default.";
  static override examples = [
    "<%= config.bin %> config show --origin",
    "DCS_CONTEXT=prod <%= config.bin %> config show",
  ];
  static override flags = { origin: boolean({ summary: "Say where each value came from" }) };

  async execute(): Promise<void> {
    const { flags } = await this.parse(ConfigShow);
    const settings = await this.settings();
    const rows = describe(settings);
    const context = settings.context;
    this.out.result(
      "config.show",
      {
        context: context === null ? null : { ...context, chosenBy: formatOrigin(context.chosenBy) },
        settings: Object.fromEntries(
          rows.map(([key, { value, origin }]) => [key, { value, origin: formatOrigin(origin) }]),
        ),
      },
      {
        table: () => ({
          head: flags.origin ? ["KEY", "VALUE", "ORIGIN"] : ["KEY", "VALUE"],
          rows: [
            ["context", context?.name ?? "-", context === null ? "" : formatOrigin(context.chosenBy)],
            ...rows.map(([key, { value, origin }]) => [key, shown(key, value), formatOrigin(origin)]),
          ].map((row) => row.slice(0, flags.origin ? 3 : 2)),
        }),
        names: () => rows.map(([key]) => key),
      },
    );
  }
}

function describe(settings: Settings): [string, Setting<string | number | boolean>][] {
  const url = ({ value, origin }: Setting<string>) => ({ value: redact(value), origin });
  return [
    ["store", url(settings.store)],
    ["locks", url(settings.locks)],
    ["journal", url(settings.journal)],
    ["protected", settings.protected],
    ["timeoutMs", settings.timeoutMs],
    ["stateDir", settings.stateDir],
  ];
}

function shown(key: string, value: string | number | boolean): string {
  return key === "timeoutMs" ? formatDuration(Number(value)) : String(value);
}
