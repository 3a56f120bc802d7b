import { boolean } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { openSagas } from "../../cli/saga/open-sagas.ts";
import { runArg } from "../../cli/saga/operator-flags.ts";
import { seeRun, showRun } from "../../cli/saga/show-run.ts";

export default class SagaShow extends DcsCommand {
  static override summary = "Show a run: its steps, all that happened, and who did what to it";
  static override description =
    `With --watch until it ends or is parked: a page that is drawn anew on a terminal, else a line (with --json an object) for each
thing that happens. --graph prints a Mermaid flowchart.`;
  static override examples = [
    "<%= config.bin %> saga show 261123-0845",
    "<%= config.bin %> saga show 261123-0845 --watch",
    "<%= config.bin %> saga show 261123-0845 --graph > run.mmd",
  ];
  static override stays = "watch";
  static override exits = [3, 4, 5, 6];
  static override args = { run: runArg };
  static override flags = {
    watch: boolean({ summary: "Follow it", exclusive: ["graph"] }),
    graph: boolean({ summary: "As a Mermaid flowchart" }),
  };

  protected async execute(): Promise<void> {
    const { args, flags } = await this.parse(SagaShow);
    const settings = await this.settings();
    await using opened = await openSagas({ settings, store: () => this.store(), reader: this.out });
    if (flags.watch === true) {
      const { watchRun } = await import("../../cli/saga/watch-run.ts");
      await watchRun(args.run, opened.sagas, this.out, this.signal);
      return;
    }
    const seen = await seeRun(args.run, opened.sagas, this.out);
    showRun(seen, { asGraph: flags.graph === true }, this.out);
  }
}
