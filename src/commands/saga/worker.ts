import { boolean } from "@oclif/core/flags";
import { DcsCommand } from "../../cli/base-command.ts";
import { integerFlag, positiveDurationFlag } from "../../cli/flags.ts";
import { leaseFlag } from "../../cli/saga/lease-flag.ts";
import { openSagas } from "../../cli/saga/open-sagas.ts";
import { runWorker } from "../../cli/saga/run-worker.ts";
import { tellExit } from "../../cli/saga/tell-exit.ts";

export default class SagaWorker extends DcsCommand {
  static override summary = "Execute runs of sagas that are due, many at a time";
  static override description =
    `Takes runs that were started, wait for a retry, or were left by a process that is gone. Any number of workers share a journal.
SIGTERM and SIGINT begin nothing more, wait for the calls under way, write them down and end with 0; a second one ends at once,
and other workers take over when the lease is over. Workers are the service saga-worker in \`dcs services\`.`;
  static override examples = [
    "<%= config.bin %> saga worker",
    "<%= config.bin %> saga worker --concurrency 256 --journal mysql://dcs@db/dcs --json",
  ];
  static override stays = true;
  static override exits = [3, 4, 5];
  static override flags = {
    concurrency: integerFlag({ min: 1, max: 10_000, default: 64, summary: "Most runs at a time (64)" }),
    poll: positiveDurationFlag({
      default: 500,
      summary: "Longest time between two looks at the journal (500ms)",
    }),
    lease: leaseFlag,
    "until-idle": boolean({ summary: "End once nothing is due and nothing is under way" }),
  };

  protected async execute(): Promise<void> {
    const { flags } = await this.parse(SagaWorker);
    const settings = await this.settings();
    await using opened = await openSagas({ settings, store: () => this.store(), leaseMs: flags.lease });
    tellExit(this.out);
    await runWorker({
      sagas: opened.sagas,
      store: () => this.store(),
      out: this.out,
      signal: this.signal,
      concurrency: flags.concurrency,
      pollMs: flags.poll,
      untilIdle: flags["until-idle"],
    });
  }
}
