import { boolean } from "@oclif/core/flags";
import { DcsCommand } from "../cli/base-command.ts";
import { confirm } from "../cli/confirm.ts";
import { devStateDir, localSettings } from "../cli/dev/dev-places.ts";
import { devDown } from "../core/dev/dev-down.ts";
import { DevDirectory } from "../core/dev/dev-state.ts";
import { systemClock } from "../core/util/clock.ts";

export default class Down extends DcsCommand {
  static override summary = "End the servers that dcs up started";
  static override description =
    `SIGTERM, then SIGKILL, to exactly those processes. Data, ports and context dev stay for the next dcs up; --purge
deletes data, logs and the context.`;
  static override examples = ["<%= config.bin %> down", "<%= config.bin %> down --purge --yes"];
  static override exits = [3, 4, 5];
  static override flags = {
    purge: boolean({ summary: "Delete their data and logs, and context dev" }),
    yes: boolean({ char: "y", dependsOn: ["purge"], summary: "Purge without asking" }),
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(Down);
    const { out, signal } = this;
    const stateDir = devStateDir();
    if (flags.purge) {
      const directory = new DevDirectory(stateDir);
      await confirm({
        out,
        settings: localSettings(stateDir),
        flags: { yes: flags.yes },
        what: `delete the data of the local servers in ${directory.path}`,
        plan: directory.read().servers.map(({ name }) => directory.data(name)),
        signal,
      });
    }
    const result = await devDown({
      stateDir,
      purge: flags.purge,
      clock: systemClock,
      signal,
      onProgress: (message) => out.note(message),
    });
    if (result.stillSelected) {
      out.warn("CONTEXT_SELECTED", "context dev is still selected: dcs config use --none");
    }
    out.result("down", result, {
      lines: () => [
        ...result.stopped.map(({ name, pid }) => `${name} stopped (pid ${pid})`),
        ...(result.stopped.length === 0 ? ["no server was running"] : []),
        ...(result.purged ? ["data and logs deleted"] : []),
        ...(result.contextRemovedFrom === null
          ? []
          : [`context dev taken out of ${result.contextRemovedFrom}`]),
      ],
      names: () => result.stopped.map(({ name }) => name),
    });
  }
}
