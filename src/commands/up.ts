import { boolean, string } from "@oclif/core/flags";
import { DcsCommand } from "../cli/base-command.ts";
import { devConfigFile, devStateDir, parseEngines } from "../cli/dev/dev-places.ts";
import { serverLines } from "../cli/dev/server-lines.ts";
import { integerFlag } from "../cli/flags.ts";
import { writeSelection } from "../core/config/selection.ts";
import { DevDirectory } from "../core/dev/dev-state.ts";
import { devStatus } from "../core/dev/dev-status.ts";
import { devUp } from "../core/dev/dev-up.ts";
import { systemClock } from "../core/util/clock.ts";

export default class Up extends DcsCommand {
  static override summary = "Start etcd, Redis and MariaDB on this machine, for development";
  static override description =
    `From the programs on PATH, on loopback, with ports, data and logs of their own under the state directory; returns when
each answers. Writes their URLs as context dev into the user's configuration. What runs already is left running. Anyone
on this machine can reach them: they are for development. dcs down ends them.`;
  static override examples = [
    "<%= config.bin %> up --use",
    "<%= config.bin %> up --only etcd,redis",
    "<%= config.bin %> up --status",
    'eval "$(<%= config.bin %> up -o env)"',
  ];
  static override exits = [3, 4, 5];
  static override hasEnv = true;
  static override flags = {
    shards: integerFlag({ min: 0, max: 16, default: 1, summary: "How many MariaDB servers (1)" }),
    only: string({ helpValue: "LIST", summary: "Only these of etcd,redis,mariadb" }),
    use: boolean({ summary: "Select context dev, as `dcs config use dev` does" }),
    status: boolean({
      exclusive: ["use", "only"],
      summary: "Start nothing: show each server, and the log of one that crashed",
    }),
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(Up);
    const stateDir = devStateDir();
    if (flags.status) {
      const servers = await devStatus(new DevDirectory(stateDir));
      this.out.result(
        "up.status",
        { servers },
        { lines: () => serverLines(servers), names: () => servers.map(({ name }) => name) },
      );
      return;
    }
    const { servers, started, context } = await devUp({
      stateDir,
      configFile: devConfigFile(),
      env: process.env,
      engines: parseEngines(flags.only),
      shards: flags.shards,
      clock: systemClock,
      signal: this.signal,
      onProgress: (message) => this.out.note(message),
    });
    if (flags.use) writeSelection(stateDir, { context: context.name, file: context.file });
    const next = flags.use ? "it is selected" : "select it: dcs config use dev";
    this.out.result(
      "up",
      { servers, started, context, selected: flags.use },
      {
        lines: () => [...serverLines(servers), "", `context dev is in ${context.file}; ${next}`],
        names: () => servers.map(({ name }) => name),
        env: () =>
          Object.fromEntries(
            Object.entries(context.urls).map(([key, url]) => [`DCS_${key.toUpperCase()}`, url]),
          ),
      },
    );
  }
}
